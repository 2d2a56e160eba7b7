package chaos_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeFront is a reverse proxy before a Consul that can be told to lie: to answer like a broken
// Consul or a broken proxy. A blocking query that waits when the lie begins gets the lie as its
// answer.
type fakeFront struct {
	addr     string
	upstream string // host:port
	client   *http.Client
	stale    bool // default reads become stale ones, as with Consul's discovery_max_stale

	mu      sync.Mutex
	lie     lie
	changed chan struct{} // closed when the lie changes
	asked   int           // number of queries that got a lie
}

// lie answers instead of Consul. It may fetch the true answer of the moment.
type lie func(w http.ResponseWriter, r *http.Request, truth func() answer)

// answer is a whole answer of Consul.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

func newFakeFront(t testing.TB, upstream string) *fakeFront {
	t.Helper()
	f := &fakeFront{
		upstream: upstream, changed: make(chan struct{}),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: 2 * time.Second}},
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.addr = l.Addr().String()
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: f, ReadHeaderTimeout: time.Minute}}
	server.Start()
	t.Cleanup(func() { server.CloseClientConnections(); server.Close(); f.client.CloseIdleConnections() })
	return f
}

// tell sets the lie; nil is the truth. It returns how many queries got the previous lie.
func (f *fakeFront) tell(l lie) (asked int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked = f.asked
	f.lie, f.asked = l, 0
	close(f.changed)
	f.changed = make(chan struct{})
	return asked
}

func (f *fakeFront) current() (lie, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lie != nil {
		f.asked++
	}
	return f.lie, f.changed
}

func (f *fakeFront) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for {
		l, changed := f.current()
		if l != nil {
			l(w, r, func() answer {
				now := r.Clone(r.Context())
				q := now.URL.Query()
				q.Del("index")
				q.Del("wait")
				now.URL.RawQuery = q.Encode()
				return f.ask(r.Context(), now)
			})
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		stop := make(chan struct{})
		go func() {
			select {
			case <-changed:
				cancel()
			case <-stop:
			}
		}()
		a := f.ask(ctx, r)
		close(stop)
		cancel()
		if a.err != nil {
			if r.Context().Err() == nil {
				select {
				case <-changed:
					continue
				default:
				}
			}
			http.Error(w, a.err.Error(), http.StatusBadGateway)
			return
		}
		a.write(w)
		return
	}
}

// ask queries Consul.
func (f *fakeFront) ask(ctx context.Context, r *http.Request) (a answer) {
	u := *r.URL
	u.Scheme, u.Host = "http", f.upstream
	if f.stale && !u.Query().Has("consistent") {
		u.RawQuery += "&stale"
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), nil)
	if err != nil {
		return answer{err: err}
	}
	req.Header = r.Header.Clone()
	req.Header.Del("Accept-Encoding")
	resp, err := f.client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	a.status, a.header = resp.StatusCode, resp.Header
	a.body, a.err = io.ReadAll(resp.Body)
	return a
}

func (a answer) write(w http.ResponseWriter) {
	if a.err != nil {
		http.Error(w, a.err.Error(), http.StatusBadGateway)
		return
	}
	for name, values := range a.header {
		if !strings.EqualFold(name, "Content-Length") {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(a.status)
	w.Write(a.body)
}
