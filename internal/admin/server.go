// Package admin is the HTTP side for people and probes. It shows, and changes nothing.
//
//	/                    a page for people
//	/metrics             for Prometheus
//	/healthz             200 while the program runs
//	/readyz              200 once Consul was read completely, else 503 with the reason in words
//	/api/v1/status       what the page shows, as JSON
//	/debug/config_dump   the resources of a view (?view=envoy@dc1, ?name=web), as JSON
//
// Only GET and HEAD are answered. Nothing here is secret to who may see the catalog: no tokens,
// no keys. There is no login: it listens on loopback unless the user says otherwise.
package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"legate/discovery"
	"legate/internal/bridge"
	"legate/metrics"
	"legate/translate"
	"legate/xdsserver"
)

// Rooms are what is shown. All of it is only read, at any time.
type Rooms struct {
	Build  metrics.BuildInfo
	Consul interface{ Status() discovery.Status }
	Bridge interface{ State() bridge.State }
	XDS    interface {
		Streams() []xdsserver.StreamStatus
		Views() []xdsserver.ViewStatus
		Dump(xdsserver.View) ([]translate.Resource, bool)
	}
	Metrics http.Handler
}

// Server answers people and probes.
type Server struct {
	rooms Rooms
	log   *slog.Logger
	now   func() time.Time
}

// New makes a server; it starts nothing.
func New(rooms Rooms, log *slog.Logger) *Server {
	return &Server{rooms: rooms, log: log, now: time.Now}
}

// Handler answers all paths of the package.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", s.page)
	mux.HandleFunc("/style.css", s.style)
	mux.Handle("/metrics", s.rooms.Metrics)
	mux.HandleFunc("/healthz", s.healthz)
	mux.HandleFunc("/readyz", s.readyz)
	mux.HandleFunc("/api/v1/status", s.status)
	mux.HandleFunc("/debug/config_dump", s.configDump)
	return readOnly(mux)
}

// stopTime is how long open requests may take to end when the server stops.
const stopTime = 2 * time.Second

// Run serves until the context is done. It closes the listener and returns when all requests
// have ended, after 2 s at the latest.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	h := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      time.Minute, // a config dump of a large catalog takes seconds
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve admin %q: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	if h.Shutdown(limit) != nil {
		_ = h.Close() // what could not end in time
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve admin %q: %w", l.Addr(), err)
	}
	return nil
}

// readOnly answers only GET and HEAD, and tells browsers to load nothing from elsewhere and to
// show the answers in no foreign page.
func readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD: this interface changes nothing", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}
