package discovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// lanesTo makes lanes to a server of the test's.
func lanesTo(t *testing.T, server *httptest.Server, limit int) *lanes {
	t.Helper()
	a, err := parseAddress(server.URL, "")
	must(t, err)
	config, err := tlsFor(a, TLS{InsecureSkipVerify: true}, slog.New(slog.DiscardHandler))
	must(t, err)
	l := newLanes(a, config, limit)
	t.Cleanup(l.close)
	return l
}

func ask(l *lanes, ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := l.RoundTrip(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}

func TestNoProtocolOpensMoreConnectionsThanAllowed(t *testing.T) {
	for _, c := range []struct {
		name       string
		tls, http2 bool
		requests   int
		most       int64
	}{
		{"plain", false, false, 60, 5},
		{"TLS without HTTP/2, as a proxy in front may have it", true, false, 60, 5},
		{"HTTP/2", true, true, 60, 1},
		{"HTTP/2 with more than fit on one connection", true, true, streamsPerLane + 10, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			var now, most atomic.Int64
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/slow" {
					time.Sleep(20 * time.Millisecond)
				}
			}))
			server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
				switch s {
				case http.StateNew:
					for n := now.Add(1); ; {
						m := most.Load()
						if n <= m || most.CompareAndSwap(m, n) {
							break
						}
					}
				case http.StateClosed, http.StateHijacked:
					now.Add(-1)
				}
			}
			server.EnableHTTP2 = c.http2
			if c.tls {
				server.StartTLS()
			} else {
				server.Start()
			}
			defer server.Close()
			l := lanesTo(t, server, 5)
			must(t, ask(l, t.Context(), server.URL)) // what is asked first shows the protocol
			var group sync.WaitGroup
			var failed atomic.Int64
			for range c.requests {
				group.Go(func() {
					if err := ask(l, t.Context(), server.URL+"/slow"); err != nil {
						failed.Add(1)
					}
				})
			}
			group.Wait()
			if most.Load() > c.most || failed.Load() > 0 {
				t.Errorf("%d connections at once, want at most %d; %d of %d requests failed", most.Load(), c.most, failed.Load(), c.requests)
			}
			if l.multiplexed() != c.http2 {
				t.Errorf("multiplexed: %v", l.multiplexed())
			}
			l.close()
			if n := l.open(); n != 0 {
				t.Errorf("%d connections are open after close", n)
			}
		})
	}
}

func TestARequestThatWaitsForAConnectionHearsItsContext(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	l := lanesTo(t, server, 1)
	first := make(chan error, 1)
	go func() { first <- ask(l, context.Background(), server.URL) }()
	eventually(t, "the connection is taken", func() bool { return l.open() == 1 })

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := ask(l, ctx, server.URL); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "wait for one of 1 connections") {
		t.Errorf("got %v", err)
	}
	close(release)
	must(t, <-first)
	must(t, ask(l, t.Context(), server.URL)) // the place was not lost
}

// A canary that takes whatever connection is free would have a new one while all old ones are dead.
func TestTheOldConnectionIsKeptForWhoAsksForIt(t *testing.T) {
	var mu sync.Mutex
	from := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		from[r.URL.Path] = r.RemoteAddr
		mu.Unlock()
	}))
	defer server.Close()
	l := lanesTo(t, server, 3)
	must(t, ask(l, onOldConnection(t.Context()), server.URL+"/first"))
	for n := range 2 * l.limit {
		must(t, ask(l, t.Context(), fmt.Sprint(server.URL, "/other", n)))
	}
	must(t, ask(l, onOldConnection(t.Context()), server.URL+"/second"))
	mu.Lock()
	defer mu.Unlock()
	if from["/first"] != from["/second"] || from["/other0"] == from["/first"] || from["/other5"] == from["/first"] {
		t.Errorf("asked on %v", from)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
