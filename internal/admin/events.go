package admin

import (
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"sync"
	"time"

	"legate/internal/changes"
	"legate/internal/listen"
)

// Pages are live by server-sent events: /events says that something has changed, and the browser then asks for its page
// again. https://html.spec.whatwg.org/multipage/server-sent-events.html
//
//   - Nothing runs while nobody listens.
//   - A stream says "changed" at most twice a second, and once after the last of many changes. If pages are expensive, or
//     many listen, it waits longer: until the pages that are asked for take a twentieth of a CPU, or for longestGap.
//   - It says "alive" every aliveEvery. A browser that has heard nothing for longer polls: something in between keeps the
//     events back.
//   - It ends when the client does not read for unreadFor, after streamLasts, and when the server stops.
//   - There are only so many, in all and from one address. Beyond that browsers get 503, and poll.
const (
	shortestGap = 500 * time.Millisecond
	longestGap  = 5 * time.Second
	aliveEvery  = 10 * time.Second
	unreadFor   = 10 * time.Second
	streamLasts = 10 * time.Minute
	// eventShare is which part of the connections may be event streams: one in so many.
	eventShare = 4
	// pagesShare is which part of the time pages may be made for those who listen: one in so many.
	pagesShare = 20
)

// events are the open event streams, and what they share.
type events struct {
	most, perAddress int
	seed             maphash.Seed
	read             func() string // makes the mark of what is there

	mu   sync.Mutex
	open int
	of   map[string]int // by address
	cost time.Duration  // what a page takes, averaged

	mark   string // of what was there when it was looked at last
	looked time.Time
}

func newEvents(b listen.Bounds, read func() string) *events {
	return &events{most: max(1, b.Connections/eventShare), perAddress: max(1, b.PerAddress/eventShare), seed: maphash.MakeSeed(), read: read, of: map[string]int{}}
}

// enter takes a place; false if there is none.
func (e *events) enter(address string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open >= e.most || e.of[address] >= e.perAddress {
		return false
	}
	e.open++
	e.of[address]++
	return true
}

// leave gives it back.
func (e *events) leave(address string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open--
	if e.of[address]--; e.of[address] == 0 {
		delete(e.of, address)
	}
}

// learn is told how long a page took.
func (e *events) learn(took time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cost = (3*e.cost + took) / 4
}

// gap is how long a stream waits between two events.
func (e *events) gap() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return min(max(shortestGap, time.Duration(e.open)*e.cost*pagesShare), longestGap)
}

// look returns the mark of what is there. All streams share one look.
func (e *events) look(now time.Time) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now.Sub(e.looked) >= shortestGap/2 {
		e.mark, e.looked = e.read(), now
	}
	return e.mark
}

// mark stands for all that pages show, except times: it differs when they do. It costs little.
func (s *Server) mark() string {
	state, consul, xds := s.rooms.Bridge.State(), s.rooms.Consul.Status(), s.rooms.XDS
	refused := 0
	for _, r := range append(xds.Refused(), s.refusals.All()...) {
		refused += int(r.Count)
	}
	var newest changes.ID
	if s.rooms.Changes != nil {
		newest = s.rooms.Changes.Newest()
	}
	var moves uint64
	if s.rooms.Moves != nil {
		moves = s.rooms.Moves()
	}
	r := state.Rollout
	all := fmt.Sprint(state.Changed, state.Complete, r.Changed, r.Waiting, r.Paused, r.Against, r.For, r.Silent, newest, moves, refused,
		consul.Connected, consul.LastError, consul.Complete, consul.FirstSync, consul.Selection, consul.Services, consul.Instances, consul.Entries,
		consul.Held, consul.Direct, consul.Swept, consul.Mode, len(consul.Problems), s.rooms.LastKnown.Status(), s.rooms.Stopping(), s.notReady())
	for _, p := range consul.Problems {
		all += fmt.Sprint(p.Kind, p.Since, p.Queries, p.Services)
	}
	for _, t := range s.own() {
		all += fmt.Sprint(t.Kind, t.Since)
	}
	return fmt.Sprintf("%016x", maphash.String(s.events.seed, all))
}

func (s *Server) live(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx
	if r.Method == http.MethodHead {
		return
	}
	address := addressOf(r)
	if !s.events.enter(address) {
		w.Header().Set("Retry-After", "30")
		http.Error(w, fmt.Sprintf("too many pages are live, of %d in all and %d of an address: ask for the page itself every few seconds", s.events.most, s.events.perAddress), http.StatusServiceUnavailable)
		return
	}
	defer s.events.leave(address)
	ctx, cancel := context.WithTimeout(r.Context(), streamLasts)
	defer cancel()
	if stops, is := r.Context().Value(stopsKey{}).(context.Context); is {
		defer context.AfterFunc(stops, cancel)()
	}
	to := http.NewResponseController(w)
	send := func(text string) bool {
		_ = to.SetWriteDeadline(time.Now().Add(unreadFor))
		_, err := io.WriteString(w, text)
		return err == nil && to.Flush() == nil
	}
	s.tell(ctx, r.Header.Get("Last-Event-ID"), send)
}

// tell sends events until the context ends or one cannot be sent. known is the mark that the client has.
func (s *Server) tell(ctx context.Context, known string, send func(string) bool) {
	if !send("retry: 2000\n\nevent: alive\ndata: now\n\n") {
		return
	}
	told, alive := time.Time{}, time.Now()
	beat := time.NewTicker(shortestGap)
	defer beat.Stop()
	for {
		now := time.Now()
		if now.Sub(told) >= s.events.gap() {
			if mark := s.events.look(now); mark != known {
				if !send("id: " + mark + "\nevent: changed\ndata: " + mark + "\n\n") {
					return
				}
				known, told, alive = mark, now, now
			}
		}
		if now.Sub(alive) >= aliveEvery {
			if !send("event: alive\ndata: still\n\n") {
				return
			}
			alive = now
		}
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
		}
	}
}
