package consul

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// poolTo makes a pool to a server of the test's.
func poolTo(t *testing.T, server *httptest.Server, limit int) *pool {
	t.Helper()
	a, err := parseAddress(server.URL, "")
	must(t, err)
	config, err := tlsFor(a, TLS{InsecureSkipVerify: true}, unsaid())
	must(t, err)
	l := newPool(a, config, limit)
	t.Cleanup(l.close)
	return l
}

func ask(l http.RoundTripper, ctx context.Context, url string) error {
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

// doorman counts the connections of a server.
type doorman struct{ now, most, all atomic.Int64 }

func (d *doorman) watch(_ net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		d.all.Add(1)
		for n := d.now.Add(1); ; {
			m := d.most.Load()
			if n <= m || d.most.CompareAndSwap(m, n) {
				break
			}
		}
	case http.StateClosed, http.StateHijacked:
		d.now.Add(-1)
	}
}

func TestNoProtocolOpensMoreConnectionsThanAllowed(t *testing.T) {
	for _, c := range []struct {
		name       string
		tls, http2 bool
		streams    int // that the server allows on a connection
		limit      int
		together   int   // requests of which none is answered before all are there
		want       int64 // connections for them
	}{
		{"plain", false, false, 1, 5, 5, 5},
		{"TLS without HTTP/2, as a proxy in front may have it", true, false, 1, 5, 5, 5},
		{"HTTP/2", true, true, 250, 5, 60, 1},
		{"HTTP/2 with more than fit on one connection", true, true, 250, 5, 260, 2},
		{"HTTP/2, two connections, each as full as it may be", true, true, 250, 2, 500, 2},
		{"HTTP/2, with a server that allows little", true, true, 20, 4, 80, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			var arrived, took atomic.Int64
			door := &doorman{}
			all := make(chan struct{})
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/together" {
					if arrived.Add(1) == int64(c.together) {
						took.Store(door.all.Load())
						close(all)
					}
					select {
					case <-all:
					case <-r.Context().Done():
					}
				}
			}))
			server.Config.ConnState, server.EnableHTTP2 = door.watch, c.http2
			server.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: c.streams}
			if c.tls {
				server.StartTLS()
			} else {
				server.Start()
			}
			defer server.Close()
			p := poolTo(t, server, c.limit)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			must(t, ask(p, ctx, server.URL)) // what is asked first shows the protocol
			var group sync.WaitGroup
			var failed atomic.Int64
			for n := range 3 * c.together {
				group.Go(func() {
					path := "/together"
					if n >= c.together { // these wait for their turn
						<-all
						path = "/"
					}
					if err := ask(p, ctx, server.URL+path); err != nil {
						failed.Add(1)
						t.Log(err)
					}
				})
			}
			group.Wait()
			if took.Load() != c.want || door.most.Load() > int64(c.limit) || failed.Load() > 0 {
				t.Errorf("%d connections for %d requests, want %d; %d at most, %d allowed; %d requests failed",
					took.Load(), c.together, c.want, door.most.Load(), c.limit, failed.Load())
			}
			eventually(t, "what was begun to be opened is open", func() bool { return p.status().Opening == 0 })
			if s := p.status(); s.Open != int(door.now.Load()) || s.Limit != c.limit || s.PerConnection != c.streams || s.Busy+s.Queries+s.Waiting+s.Opening != 0 {
				t.Errorf("at rest: %+v, with %d connections", s, door.now.Load())
			}
			if p.multiplexed() != c.http2 || p.capacity() != c.limit*c.streams {
				t.Errorf("multiplexed: %v, room for %d", p.multiplexed(), p.capacity())
			}
			p.close()
			if n := p.open(); n != 0 {
				t.Errorf("%d connections are open after close", n)
			}
		})
	}
}

// Many come at once before the first connection shows what it can: that is no herd of dials.
func TestTheFirstConnectionIsWaitedFor(t *testing.T) {
	door := &doorman{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState, server.EnableHTTP2 = door.watch, true
	server.StartTLS()
	defer server.Close()
	p := poolTo(t, server, 50)
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() {
			if err := ask(p, t.Context(), server.URL); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if all := door.all.Load(); all != 1 {
		t.Errorf("%d connections", all)
	}
}

// A server, or what stands before it, ends connections as it likes: after so many requests, or when
// nobody has used them for a while. A request that meets such an end is not lost.
func TestRequestsThatMeetTheEndOfAConnectionAreSentAgain(t *testing.T) {
	for name, spoil := range map[string]func(s *httptest.Server, h http.Handler){
		"HTTP/1.1, idle connections are closed": func(s *httptest.Server, h http.Handler) {
			s.Config.Handler, s.Config.IdleTimeout = h, time.Millisecond
			s.Start()
		},
		"HTTP/2, each connection takes 5 requests": func(s *httptest.Server, h http.Handler) {
			var mu sync.Mutex
			took := map[string]int{}
			s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				if took[r.RemoteAddr]++; took[r.RemoteAddr] == 5 {
					w.Header().Set("Connection", "close") // becomes a GOAWAY
				}
				mu.Unlock()
				h.ServeHTTP(w, r)
			})
			s.EnableHTTP2 = true
			s.StartTLS()
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(nil)
			spoil(server, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			defer server.Close()
			p := poolTo(t, server, 10)
			var group sync.WaitGroup
			for range 4 {
				group.Go(func() {
					for range 100 {
						began := time.Now()
						if err := ask(p, t.Context(), server.URL); err != nil && time.Since(began) <= retryWithin { // else it may have been heard
							t.Error(err)
						}
						time.Sleep(time.Duration(800+rand.N(400)) * time.Microsecond)
					}
				})
			}
			group.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			if n := len(p.conns); n > 2*p.limit {
				t.Errorf("%d connections are kept, of which most are closed", n)
			}
		})
	}
}

// Who waits at an index and loses the connection must hear of it: what comes next is another question.
func TestARequestThatWasHeardIsNotSentAgain(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			asked.Add(1)
			time.Sleep(2 * retryWithin)
			panic(http.ErrAbortHandler)
		}
	}))
	defer server.Close()
	p := poolTo(t, server, 2)
	must(t, ask(p, t.Context(), server.URL))
	if err := ask(p, t.Context(), server.URL+"/wait"); err == nil || asked.Load() != 1 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}

func TestConnectionsThatNobodyUsesAreClosed(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	p := poolTo(t, server, 3)
	must(t, ask(p, t.Context(), server.URL))
	p.closeIdle(false)
	if p.open() != 1 {
		t.Error("it was used not long ago, and is closed")
	}
	p.closeIdle(false)
	eventually(t, "it is closed", func() bool { return p.open() == 0 })
	must(t, ask(p, t.Context(), server.URL))
	p.closeIdle(true)
	eventually(t, "it is closed", func() bool { return p.open() == 0 })
	must(t, ask(p, t.Context(), server.URL))
}

func TestWhoCannotConnectHearsWhyAndNobodyWaits(t *testing.T) {
	server := httptest.NewServer(nil)
	url := server.URL
	p := poolTo(t, server, 3)
	server.Close()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if err := ask(p, t.Context(), url); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if p.open() != 0 {
		t.Errorf("%d connections are open", p.open())
	}
}

func TestARequestThatWaitsForAConnectionHearsItsContext(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	l := poolTo(t, server, 1)
	first := make(chan error, 1)
	go func() { first <- ask(l, context.Background(), server.URL) }()
	eventually(t, "the connection is taken", func() bool { return l.open() == 1 })

	eventually(t, "its use is seen", func() bool { return l.status() == Pool{Open: 1, Limit: 1, Busy: 1, Queries: 1, PerConnection: 1} })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := ask(l, ctx, server.URL); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "wait for a connection, 1 of at most 1 are open") {
		t.Errorf("got %v", err)
	}
	close(release)
	must(t, <-first)
	must(t, ask(l, t.Context(), server.URL)) // the place was not lost
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// What a connection over HTTP/1.1 takes is known from the start: nobody waits until it says so.
func TestAConnectionThatTakesOneRequestIsUsedAtOnce(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	p := poolTo(t, server, 3)
	c := &Client{pool: p}
	began := time.Now()
	const dials = 6
	for range dials {
		must(t, ask(p, t.Context(), server.URL))
		c.CloseIdle()
		eventually(t, "it is closed", func() bool { return p.open() == 0 })
	}
	if took := time.Since(began); took > dials*time.Second {
		t.Errorf("%d connections took %v", dials, took)
	}
}

// Consul goes on with a question about a datacenter that hangs when nobody waits for its answer any more, and begins no
// other one in its place: those about other sites go over other connections, as long as there may be more.
func TestQuestionsThatHangAtConsulHoldUpThoseOfTheirSiteOnly(t *testing.T) {
	const streams = 4
	for _, c := range []struct {
		limit int
		wants bool // that those of another site are answered
	}{{2, true}, {1, false}} {
		hang, begun := make(chan struct{}), make(chan struct{}, streams)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/hangs" {
				begun <- struct{}{}
				<-hang
			}
		}))
		server.EnableHTTP2, server.Config.HTTP2 = true, &http.HTTP2Config{MaxConcurrentStreams: streams}
		server.StartTLS()
		p := poolTo(t, server, c.limit)
		other := lane{p, &share{}}
		must(t, ask(p, t.Context(), server.URL))

		ctx, giveUp := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for range streams {
			group.Go(func() { _ = ask(other, ctx, server.URL+"/hangs") })
		}
		for range streams {
			<-begun
		}
		giveUp()
		group.Wait()
		patience := 10 * time.Second
		if !c.wants {
			patience = 100 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		for range 2 * streams {
			if err := ask(p, ctx, server.URL); c.wants && err != nil {
				t.Errorf("at most %d connections: %v", c.limit, err)
			} else if !c.wants && err == nil {
				t.Errorf("at most %d connections: a question was answered behind those that hang", c.limit)
			}
		}
		cancel()
		close(hang)
		server.Close()
	}
}
