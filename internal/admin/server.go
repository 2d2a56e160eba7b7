// Package admin is the HTTP side for people and probes. It shows; what changes something asks
// for permission.
//
//	/                    a page for people
//	/metrics             for Prometheus
//	/healthz             200 while the program runs
//	/readyz              200 once there is something to serve, else 503 with the reason in words
//	/api/v1/status       what the page shows, as JSON
//	/api/v1/holds        losses in Consul that are not believed yet, as JSON
//	/debug/config_dump   the resources of a view (?view=envoy@dc1, ?name=web), as JSON
//	/debug/pprof/        Go's profiles, if Config.Profiles
//
// All of these answer GET and HEAD only. Nothing there is secret to who may see the catalog: no
// tokens, no keys. There is no login: it listens on loopback unless the user says otherwise. What
// holds the catalog, or changes something, is answered under Legate's own names only (see
// Config.Hosts); /metrics, /healthz and /readyz under any, the last without reasons.
//
// Rooms.Actions are what changes something. They take POST, from who comes over a unix socket
// or sends the token (see Config); everybody else is refused.
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
	"legate/internal/bridge"
	"legate/internal/files"
	"legate/internal/lastknown"
	"legate/internal/listen"
	"legate/metrics"
	"legate/translate"
	"legate/xdsserver"
)

// Rooms are what is shown. All of it is only read, at any time.
type Rooms struct {
	Build  metrics.BuildInfo
	Consul interface {
		Status() discovery.Status
		Holds() []discovery.Hold
	}
	Bridge interface{ State() bridge.State }
	XDS    interface {
		Streams() []xdsserver.StreamStatus
		Views() []xdsserver.ViewStatus
		Dump(xdsserver.View) ([]translate.Resource, bool)
		Refused() []listen.Refused
		Memory() xdsserver.Memory
		Left() time.Time
		Oversized() []xdsserver.Oversize
		Unfollowed() []xdsserver.Unfollowed
	}
	// Own says what is not well with Legate itself: its configuration, its certificates.
	Own func() []Trouble
	// Slowest is the slowest change of late, and when that was; zero if none was slow.
	Slowest   func() (took time.Duration, at time.Time)
	LastKnown interface{ Status() lastknown.Status }
	Metrics   http.Handler
	// Stopping reports whether Legate was told to end: it still serves, and takes nobody new.
	Stopping func() bool
	// Actions are the calls that change something, by path. They see only who has permission.
	Actions map[string]http.Handler
}

// Config is what the server can be told.
type Config struct {
	// TokenFile holds the token that a changing call must send (Authorization: Bearer TOKEN). It
	// is read at each such call. Empty: such calls are taken over a unix socket only.
	TokenFile string
	// TLS is what listeners that are no unix sockets speak; nil: nothing.
	TLS *tls.Config
	// Bounds are those of each listener's connections. Its Near is a part of them (see nearShare).
	Bounds listen.Bounds
	// Hosts are names under which Legate is asked for what it holds, besides addresses and those of
	// loopback. Over a unix socket and over TLS names do not count.
	Hosts []string
	// Profiles turns /debug/pprof/ on. Who can reach it can slow Legate down.
	Profiles bool
}

// DefaultConfig leaves room for people, monitoring, and probes.
func DefaultConfig() Config {
	return Config{Bounds: listen.Bounds{Connections: 256, PerAddress: 64}}
}

// nearShare is which part of the connections this machine has for itself: one in so many.
const nearShare = 8

// Server answers people and probes.
type Server struct {
	config     Config
	rooms      Rooms
	hosts      hosts
	permission permission
	refusals   *refusals
	log        *slog.Logger
	now        func() time.Time
}

// New makes a server; it starts nothing. It fails if there is a token file and no token in it. m may be
// nil.
func New(config Config, rooms Rooms, log *slog.Logger, m *metrics.Admin) (*Server, error) {
	config.Bounds.Near = config.Bounds.Connections / nearShare
	s := &Server{
		config: config, rooms: rooms, hosts: hostsOf(config.Hosts), log: log, now: time.Now,
		permission: permission{config.TokenFile, &guesses{of: map[string]*guesser{}}, time.Now},
		refusals:   newRefusals(log, m),
	}
	if config.TokenFile != "" {
		if _, err := files.ReadToken(config.TokenFile); err != nil {
			return nil, fmt.Errorf("read admin token file %q: %w", config.TokenFile, err)
		}
	}
	return s, nil
}

// Handler answers all paths of the package.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", s.page)
	mux.HandleFunc("/style.css", asset("text/css", styleCSS))
	mux.HandleFunc("/page.js", asset("text/javascript", pageJS))
	mux.HandleFunc("/api/v1/status", s.status)
	mux.HandleFunc("/api/v1/holds", s.holds)
	mux.HandleFunc("/debug/config_dump", s.configDump)
	if s.config.Profiles {
		profiles(mux)
	}
	all := http.NewServeMux()
	all.Handle("/", s.named(readOnly(mux)))
	all.Handle("/metrics", readOnly(s.rooms.Metrics))
	all.Handle("/healthz", readOnly(http.HandlerFunc(s.healthz)))
	all.Handle("/readyz", readOnly(http.HandlerFunc(s.readyz)))
	for path, action := range s.rooms.Actions {
		all.Handle(path, s.named(s.writing(action)))
	}
	return withHeaders(all)
}

// metricsHandler answers who may see numbers, and neither the catalog nor why Legate is not ready.
func (s *Server) metricsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", s.rooms.Metrics)
	mux.HandleFunc("/healthz", s.healthz)
	mux.HandleFunc("/readyz", s.probe)
	return withHeaders(readOnly(mux))
}

// maxHeaders bounds a request's line and headers, in bytes.
const maxHeaders = 16 << 10

// stopTime is how long open requests may take to end when the server stops.
const stopTime = 2 * time.Second

// Run serves on all listeners until the context is done. It closes them and returns when all
// requests have ended, after 2 s at the latest.
func (s *Server) Run(ctx context.Context, listeners ...net.Listener) error {
	return s.serve(ctx, s.Handler(), listeners...)
}

// RunMetrics does the same with what monitoring needs and nothing else; a nil listener is none.
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
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, addressKey{}, listen.Address(c.RemoteAddr()))
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
		_ = h.Close() // what could not end in time
	}
	for ; running > 0; running-- {
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// addressKey is where a request's context has the address that its client counts as.
type addressKey struct{}

// addressOf is what counts as the address of who asks.
func addressOf(r *http.Request) string {
	address, _ := r.Context().Value(addressKey{}).(string) // set for every connection
	return address
}

// withHeaders tells browsers to load nothing from elsewhere and to show the answers in no
// foreign page.
func withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// readOnly answers only GET and HEAD.
func readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD: this shows, and changes nothing", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}
