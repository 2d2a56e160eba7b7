package admin

import (
	"bufio"
	"context"
	"fmt"
	"hash/maphash"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"legate/internal/changes"
	"legate/internal/listen"
)

// pipes is a listener whose connections hold no byte that is not read.
type pipes struct {
	come  chan net.Conn
	over  chan struct{}
	close func()
}

func newPipes() *pipes {
	p := &pipes{come: make(chan net.Conn), over: make(chan struct{})}
	p.close = sync.OnceFunc(func() { close(p.over) })
	return p
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.come:
		return c, nil
	case <-p.over:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.close(); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// listening is a server whose events are listened to, in a bubble of time.
type listening struct {
	t      *testing.T
	at     *pipes
	server *Server
	record *changes.Record
	looks  atomic.Int64 // how often a mark was made
	stop   context.CancelFunc
	ended  chan error
}

func inEvents(t *testing.T, story func(t *testing.T, l *listening)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := healthy()
		h.record = changes.New()
		l := &listening{t: t, at: newPipes(), server: h.server(), record: h.record, ended: make(chan error, 1)}
		l.server.events.read = func() string { l.looks.Add(1); return l.server.mark() }
		ctx, cancel := context.WithCancel(t.Context())
		l.stop = cancel
		go func() { l.ended <- l.server.Run(ctx, l.at) }()
		story(t, l)
		cancel()
		if err := <-l.ended; err != nil {
			t.Error(err)
		}
	})
}

// call sends a request, and returns the connection to read the answer from.
func (l *listening) call(headers string) net.Conn {
	l.t.Helper()
	return l.callFor("/events", headers)
}

func (l *listening) callFor(path, headers string) net.Conn {
	l.t.Helper()
	ours, theirs := net.Pipe()
	l.at.come <- theirs
	if _, err := fmt.Fprintf(ours, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path, headers); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { ours.Close() })
	return ours
}

// heard are the events of a stream, with the times at which they came.
type heard struct {
	mu    sync.Mutex
	event []string
	at    []time.Time
	id    string
	over  bool
}

func (l *listening) hear(headers string) *heard {
	l.t.Helper()
	conn, h := l.call(headers), &heard{}
	go func() {
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return
		}
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			h.mu.Lock()
			if name, is := strings.CutPrefix(lines.Text(), "event: "); is {
				h.event, h.at = append(h.event, name), append(h.at, time.Now())
			}
			if id, is := strings.CutPrefix(lines.Text(), "id: "); is {
				h.id = id
			}
			h.mu.Unlock()
		}
		h.mu.Lock()
		h.over = true
		h.mu.Unlock()
	}()
	synctest.Wait()
	return h
}

// count is how many events of a name came, and whether the stream is over.
func (h *heard) count(name string) (n int, over bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, event := range h.event {
		if event == name {
			n++
		}
	}
	return n, h.over
}

// open is how many streams are open.
func (l *listening) open() int {
	e := l.server.events
	e.mu.Lock()
	defer e.mu.Unlock()
	return max(e.open, len(e.of))
}

func wait(d time.Duration) { time.Sleep(d); synctest.Wait() }

func TestWhoListensHearsOfChangesAndThatTheServerIsThere(t *testing.T) {
	inEvents(t, func(t *testing.T, l *listening) {
		wait(time.Hour)
		if n := l.looks.Load(); n != 0 {
			t.Errorf("nobody listens, and it was looked %d times", n)
		}
		h := l.hear("")
		if n, _ := h.count("changed"); n != 1 { // the page may have been loaded long before
			t.Errorf("%d changes at first", n)
		}
		wait(35 * time.Second)
		if n, _ := h.count("changed"); n != 1 {
			t.Errorf("%d changes, and there was none", n)
		}
		if n, _ := h.count("alive"); n != 4 {
			t.Errorf("alive %d times in 35 s", n)
		}
		l.record.Add(appeared("web", changes.Service, 0))
		wait(shortestGap)
		if n, _ := h.count("changed"); n != 2 {
			t.Errorf("a change is not told within %v", shortestGap)
		}
		known := l.hear("Last-Event-ID: " + h.id + "\r\n")
		wait(time.Minute)
		if n, _ := known.count("changed"); n != 0 {
			t.Error("who comes back with the mark that there is, is told that it has changed")
		}
		wait(streamLasts)
		if _, over := h.count(""); !over || l.open() != 0 {
			t.Errorf("a stream lasts for ever: %d are open", l.open())
		}
		before := l.looks.Load()
		wait(time.Hour)
		if n := l.looks.Load() - before; n != 0 {
			t.Errorf("all have gone, and it was looked %d times", n)
		}
	})
}

// A storm of changes is told twice a second, or less often if pages are expensive; and its end is told, too.
func TestAStormIsToldAFewTimes(t *testing.T) {
	for _, c := range []struct {
		cost  time.Duration // of a page
		most  int
		least int
	}{{0, 120, 100}, {50 * time.Millisecond, 60, 40}, {time.Second, 12, 10}} {
		inEvents(t, func(t *testing.T, l *listening) {
			for range 100 {
				l.server.events.learn(c.cost)
			}
			h, began := l.hear(""), time.Now()
			for time.Since(began) < time.Minute {
				l.record.Add(appeared("web", changes.Service, 0))
				time.Sleep(50 * time.Millisecond)
			}
			last := time.Now()
			wait(2 * longestGap)
			n, _ := h.count("changed")
			if n--; n > c.most || n < c.least {
				t.Errorf("pages of %v: told %d times in a minute, want %d to %d", c.cost, n, c.least, c.most)
			}
			h.mu.Lock()
			defer h.mu.Unlock()
			for i := len(h.event) - 1; i >= 0; i-- {
				if h.event[i] == "changed" {
					if h.at[i].Before(last.Add(-50 * time.Millisecond)) {
						t.Errorf("the last of it, at %v, was told at %v", last, h.at[i])
					}
					break
				}
			}
			if looks := l.looks.Load(); looks > 160 {
				t.Errorf("it was looked %d times", looks)
			}
		})
	}
}

func TestThereAreOnlySoManyStreams(t *testing.T) {
	inEvents(t, func(t *testing.T, l *listening) {
		var all []*heard
		for range l.server.events.perAddress {
			all = append(all, l.hear(""))
		}
		conn := l.call("")
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
			t.Fatal(answer, err)
		}
		wait(2 * time.Second)
		for _, h := range all {
			if n, over := h.count("changed"); n != 1 || over {
				t.Error("one that was let in is not told")
			}
		}
		if n := l.looks.Load(); n > 10 {
			t.Errorf("%d streams looked %d times in two seconds", len(all), n)
		}
	})
	e := newEvents(DefaultConfig().Bounds, nil)
	for n := range e.most {
		if !e.enter(fmt.Sprint(n)) {
			t.Fatalf("%d of %d are let in", n, e.most)
		}
	}
	if e.enter("another") {
		t.Error("there is no bound in all")
	}
	doc, err := os.ReadFile("../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	if said := string(doc); !strings.Contains(said, fmt.Sprintf("(%d)", e.most)) || !strings.Contains(said, fmt.Sprintf("(%d)", e.perAddress)) {
		t.Errorf("docs/limits.md does not say that there are %d, and %d of an address", e.most, e.perAddress)
	}
}

func TestAClientThatDoesNotReadIsCut(t *testing.T) {
	inEvents(t, func(t *testing.T, l *listening) {
		l.call("")
		wait(time.Second)
		if l.open() != 1 {
			t.Fatal("it is not let in")
		}
		wait(unreadFor)
		if l.open() != 0 {
			t.Error("it is not cut")
		}
	})
}

// A request that waits for a change may wait longer than a request may take to be read.
func TestARequestMayWaitAsLongAsItSays(t *testing.T) {
	inEvents(t, func(t *testing.T, l *listening) {
		began := time.Now()
		answer, err := http.ReadResponse(bufio.NewReader(l.callFor("/api/v1/changes?wait=30s&after="+l.record.Newest().String(), "")), nil)
		if took := time.Since(began); err != nil || answer.StatusCode != http.StatusOK || took != 30*time.Second {
			t.Errorf("answered after %v: %v, %v", took, answer, err)
		}
	})
}

// Streams do not keep the server from ending.
func TestStreamsEndWithTheServer(t *testing.T) {
	inEvents(t, func(t *testing.T, l *listening) {
		h, began := l.hear(""), time.Now()
		l.stop()
		err := <-l.ended
		l.ended <- err
		synctest.Wait()
		if _, over := h.count(""); err != nil || !over || time.Since(began) >= stopTime {
			t.Errorf("it ends after %v: %v, stream over: %v", time.Since(began), err, over)
		}
	})
}

// A client that takes its time to read a page does not make pages expensive.
func TestWhatAPageCostsIsNotHowLongItIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := healthy().server()
		for range 100 {
			s.Handler().ServeHTTP(slowReader{httptest.NewRecorder()}, httptest.NewRequest(http.MethodGet, "http://localhost/", nil))
		}
		if s.events.cost != 0 { // time stands still while it is made
			t.Errorf("a page costs %v", s.events.cost)
		}
	})
}

type slowReader struct{ http.ResponseWriter }

func (r slowReader) Write(b []byte) (int, error) {
	time.Sleep(time.Second)
	return r.ResponseWriter.Write(b)
}

func TestWhatPagesShowIsInTheMark(t *testing.T) {
	marks, seed := map[string]string{}, maphash.MakeSeed()
	for name, change := range map[string]func(*house){
		"as it was": func(*house) {}, "consul": func(h *house) { h.consul.Connected = false }, "stopping": func(h *house) { h.stops = true },
		"published": func(h *house) { h.state.Changed = now }, "disk": func(h *house) { h.known.Unwritten = "full" }, "own": func(h *house) { h.own = []Trouble{{Kind: "restart"}} },
		"held": func(h *house) { h.consul.Held = 1 }, "refused": func(h *house) { h.refused[0].Count++ }, "rollout": func(h *house) { h.state.Rollout.Waiting = 1 },
	} {
		h := healthy()
		h.refused = []listen.Refused{{Limit: "streams"}}
		s := h.server()
		s.events.seed = seed
		change(h)
		mark := s.mark()
		if other, is := marks[mark]; is {
			t.Errorf("%s has the mark of %s", name, other)
		}
		if marks[mark] = name; s.mark() != mark {
			t.Errorf("%s has two marks", name)
		}
	}
	h := healthy()
	s := h.server()
	before := s.mark()
	if h.consul.LastSuccess, h.consul.Index = now, 43; s.mark() != before {
		t.Error("an answer that says nothing new is told")
	}
	s.rooms.Moves = func() uint64 { return 1 }
	if s.mark() == before {
		t.Error("what clients do is not told")
	}
}

func TestEventsAreNotForHEADNorForOthersPages(t *testing.T) {
	w := httptest.NewRecorder()
	h := healthy().server().Handler()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "http://localhost/events", nil))
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/event-stream" || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Accel-Buffering") != "no" {
		t.Error(w.Code, w.Header())
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://evil.example/events", nil))
	if w.Code != http.StatusMisdirectedRequest {
		t.Error(w.Code)
	}
}
