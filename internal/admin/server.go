package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"legate/discovery"
	"legate/discovery/resolve"
	"legate/internal/bridge"
	"legate/internal/changes"
	"legate/internal/files"
	"legate/internal/lastknown"
	"legate/internal/listen"
	"legate/internal/register"
	"legate/metrics"
	"legate/translate"
	"legate/xdsserver"
	"legate/xdsserver/admission"
)

// Rooms are the sources of what is shown. They are only read, at any time.
type Rooms struct {
	Build  metrics.BuildInfo
	Consul interface {
		Status() discovery.Status
		Holds() []discovery.Hold
		Asked() discovery.Asked
	}
	// Unfollowed reports whether Consul lists a service that a client can mean by the name, and which is not followed since
	// no client asks for it; nil: all are followed.
	Unfollowed func(name string) bool
	// HostNames says how names are resolved; nil: Legate resolves none.
	HostNames func() resolve.Status
	Bridge    interface{ State() bridge.State }
	XDS       interface {
		Streams() []xdsserver.StreamStatus
		Views() []xdsserver.ViewStatus
		Dump(xdsserver.View) ([]translate.Resource, bool)
		Refused() []listen.Refused
		Memory() admission.Memory
		Pollers() []xdsserver.Poller
		Left() time.Time
		Oversized() []xdsserver.Oversize
		Unfollowed() []xdsserver.Unfollowed
		Deliveries(names []translate.Name, most int) []xdsserver.Delivery
		Standings(xdsserver.StandingsQuery) xdsserver.Standings
		Arrivals
		Reach() map[string]xdsserver.Reach
	}
	// Changes are what changed lately; nil: that is not recorded.
	Changes interface {
		Back(changes.Query) changes.Page
		Newest() changes.ID
		Wait(context.Context, changes.ID, changes.Query) changes.Page
	}
	// Own returns what is wrong with Legate itself, such as its configuration or certificates.
	Own func() []Trouble
	// Slowest returns the slowest recent change and when that was; zero if none was slow.
	Slowest func() (took time.Duration, at time.Time)
	// Registration says whether Legate is a service in Consul itself; nil: it need not be, as for a nil function.
	Registration func() *register.Status
	// Moves is a number that grows whenever a client comes, goes, asks or is sent something; nil: that is not counted.
	Moves     func() uint64
	LastKnown interface{ Status() lastknown.Status }
	Metrics   http.Handler
	// Stopping reports whether Legate was told to stop: it still serves, and accepts no new
	// clients.
	Stopping func() bool
	// Actions are the calls that make changes, by path. They get only requests with permission.
	Actions map[string]http.Handler
}

// Config configures the server.
type Config struct {
	// TokenFile holds the token that a call must send to make changes (Authorization: Bearer
	// TOKEN). It is read at each such call. Empty: changes are accepted over a unix socket only.
	TokenFile string
	// Socket is the path of the unix socket over which changes are accepted; empty: there is none. The page names it.
	Socket string
	// TLS is used on listeners that are not unix sockets; nil: plaintext.
	TLS *tls.Config
	// Bounds limit the connections of each listener. New sets Near (see nearShare).
	Bounds listen.Bounds
	// Hosts are host names of Legate, besides IP addresses and the names of loopback. They are not
	// checked over a unix socket or TLS.
	Hosts []string
	// Profiles turns /debug/pprof/ on. Whoever can reach it can slow Legate down.
	Profiles bool
}

// DefaultConfig leaves enough connections for people, monitoring and probes.
func DefaultConfig() Config {
	return Config{Bounds: listen.Bounds{Connections: 256, PerAddress: 64}}
}

// nearShare reserves one in so many connections for this machine.
const nearShare = 8

// Server serves people and probes.
type Server struct {
	config     Config
	rooms      Rooms
	hosts      hosts
	permission permission
	refusals   *refusals
	pages      pages
	events     *events
	log        *slog.Logger
	now        func() time.Time
}

// New makes a server and starts nothing. It fails if the token file has no usable token. m may be
// nil.
func New(config Config, rooms Rooms, log *slog.Logger, m *metrics.Admin) (*Server, error) {
	config.Bounds.Near = config.Bounds.Connections / nearShare
	s := &Server{
		config: config, rooms: rooms, hosts: hostsOf(config.Hosts), log: log, now: time.Now,
		permission: permission{config.TokenFile, &guesses{of: map[string]*guesser{}}, time.Now},
		refusals:   newRefusals(log, m),
		pages:      newPages(),
	}
	s.events = newEvents(config.Bounds, s.mark)
	if config.TokenFile != "" {
		if _, err := files.ReadToken(config.TokenFile); err != nil {
			return nil, fmt.Errorf("read admin token file %q: %w", config.TokenFile, err)
		}
	}
	return s, nil
}

// Handler serves all paths of the package.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", s.page(s.overview, ""))
	mux.HandleFunc("/services", s.page(s.servicesPage, "services", listParams()...))
	mux.HandleFunc("/services/{name}", s.page(s.servicePage, ""))
	mux.HandleFunc("/nodes", s.page(s.nodesPage, "nodes", listParams()...))
	mux.HandleFunc("/nodes/{id}", s.page(s.nodePage, ""))
	mux.HandleFunc("/changes", s.page(s.changesPage, "changes", changesParams()...))
	mux.HandleFunc("/changes/{id}", s.page(s.changePage, ""))
	mux.HandleFunc("/consul", s.page(s.consulPage, ""))
	mux.HandleFunc("/events", s.live)
	mux.HandleFunc("/style.css", asset("text/css", "style.css"))
	mux.HandleFunc("/page.js", asset("text/javascript", "page.js"))
	for _, c := range s.api() {
		mux.HandleFunc(c.path, c.strict)
	}
	mux.HandleFunc("/debug/config_dump", s.configDump)
	if s.config.Profiles {
		profiles(mux)
	}
	all := http.NewServeMux()
	all.Handle("/", s.requireOwnHost(readOnly(mux)))
	all.Handle("/metrics", readOnly(s.rooms.Metrics))
	all.Handle("/healthz", readOnly(http.HandlerFunc(s.healthz)))
	all.Handle("/readyz", readOnly(http.HandlerFunc(s.readyz)))
	for path, action := range s.rooms.Actions {
		all.Handle(path, s.requireOwnHost(s.requirePermission(action)))
	}
	return withHeaders(all)
}

// metricsHandler serves numbers only: no catalog, and no reason why Legate is not ready.
func (s *Server) metricsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", s.rooms.Metrics)
	mux.HandleFunc("/healthz", s.healthz)
	mux.HandleFunc("/readyz", s.probe)
	return withHeaders(readOnly(mux))
}

// maxHeaders is the size limit of a request line with its headers in bytes.
const maxHeaders = 16 << 10

// stopTime is how long open requests may take to end when the server stops.
const stopTime = 2 * time.Second

// Run serves on all listeners until the context is done. Then it closes them, and returns once all
// requests have ended, after 2 s at the latest.
func (s *Server) Run(ctx context.Context, listeners ...net.Listener) error {
	return s.serve(ctx, s.Handler(), listeners...)
}

// RunMetrics is Run for the paths that monitoring needs. A nil listener is allowed.
func (s *Server) RunMetrics(ctx context.Context, l net.Listener) error {
	if l == nil {
		return nil
	}
	return s.serve(ctx, s.metricsHandler(), l)
}

func (s *Server) serve(ctx context.Context, handler http.Handler, listeners ...net.Listener) error {
	h := &http.Server{
		Handler: listen.Headers(maxHeaders, handler, func(r *http.Request) {
			s.refusals.Add(refusedHeaders, r.RemoteAddr, "the headers of a request are too long", "look what that client sends")
		}),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      time.Minute, // a config dump of a large catalog takes seconds
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeaders,
		BaseContext:       func(net.Listener) context.Context { return context.WithValue(context.Background(), stopsKey{}, ctx) },
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(context.WithValue(ctx, addressKey{}, listen.Address(c.RemoteAddr())), userKey{}, listen.User(c))
		},
		ConnState: listen.Handshakes(func(from net.Addr, err error) {
			s.refusals.Add(refusedHandshake, peerOf(from), err.Error(), "look at that client's certificate and authorities, and at --admin-tls-client-ca and --admin-tls-allowed-san")
		}),
	}
	ended := make(chan error, len(listeners))
	for _, l := range listeners {
		l = listen.Bounded(l, s.config.Bounds, s.refusals.connection)
		if s.config.TLS != nil && l.Addr().Network() != "unix" {
			l = tls.NewListener(l, s.config.TLS)
		}
		go func() {
			err := h.Serve(l)
			if err != nil && !errors.Is(err, http.ErrServerClosed) {
				err = fmt.Errorf("serve admin %q: %w", l.Addr(), err)
			}
			ended <- err
		}()
	}
	running := len(listeners)
	var failed error
	select {
	case failed = <-ended:
		running--
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	if h.Shutdown(limit) != nil {
		_ = h.Close() // ends requests that took too long
	}
	for ; running > 0; running-- {
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// stopsKey is the key of a context in that of a request: it ends when the server is told to stop.
type stopsKey struct{}

// addressKey is the key of a client's address in the context of a request.
type addressKey struct{}

// userKey is the key of who opened the connection, in the context of a request over a unix socket.
type userKey struct{}

// addressOf returns the address by which a client is counted.
func addressOf(r *http.Request) string {
	address, _ := r.Context().Value(addressKey{}).(string) // set for every connection
	return address
}
