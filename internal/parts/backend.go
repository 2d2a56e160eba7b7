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

// Backend is a tiny HTTP service that answers every request with its own name, so that who asks
// sees which instance a request went to.
type Backend struct {
	Name string
	Addr string // host:port, or the path of a unix socket
	Port int    // of Addr; 0 for a unix socket

	requests atomic.Int64
	server   *http.Server
	done     chan struct{}
}

// StartBackend starts a backend that listens on addr: a host:port, with port 0 for any free
// one, or the path of a unix socket.
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

// ServeHTTP answers with the backend's name: at once, or after the time that the query parameter
// wait says, as a Go duration.
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

// Requests is how many requests have come.
func (b *Backend) Requests() int64 { return b.requests.Load() }

// Close ends the backend: requests that are running are finished, within 2 seconds.
func (b *Backend) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := b.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, b.server.Close())
	}
	<-b.done
	return err
}
