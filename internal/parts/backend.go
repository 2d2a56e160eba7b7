package parts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// Backend is a small HTTP service that answers every request with its own name, so that callers see
// which instance answered.
type Backend struct {
	Name string
	Addr string // host:port, or the path of a unix socket
	Port int    // of Addr; 0 for a unix socket

	requests atomic.Int64
	server   *http.Server
	done     chan struct{}
}

// StartBackend starts a backend on addr: a host:port, with port 0 for any free one, or the path of
// a unix socket.
func StartBackend(name, addr string) (*Backend, error) {
	network := "tcp"
	if strings.HasPrefix(addr, "/") {
		network = "unix"
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		return nil, fmt.Errorf("start backend %q: %w", name, err)
	}
	b := &Backend{Name: name, Addr: l.Addr().String(), done: make(chan struct{})}
	if tcp, ok := l.Addr().(*net.TCPAddr); ok {
		b.Port = tcp.Port
	}
	b.server = &http.Server{Handler: b, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		defer close(b.done)
		if err := b.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintf(os.Stderr, "backend %q: %v\n", name, err)
		}
	}()
	return b, nil
}

// ServeHTTP answers with the backend's name, after the duration in the query parameter wait, if
// there is one.
func (b *Backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.requests.Add(1)
	if wait := r.URL.Query().Get("wait"); wait != "" {
		d, err := time.ParseDuration(wait)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		select {
		case <-time.After(d):
		case <-r.Context().Done():
			return
		}
	}
	io.WriteString(w, b.Name)
}

// Requests returns the number of requests so far.
func (b *Backend) Requests() int64 { return b.requests.Load() }

// Close stops the backend. Requests in flight may take 2 seconds more. A connection over which no request has come yet
// is closed then, too: the server would wait for one for 5 seconds, and Envoy opens some in advance.
func (b *Backend) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := b.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = b.server.Close()
	}
	<-b.done
	return err
}
