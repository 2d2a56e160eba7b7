package xdsserver

import (
	"context"
	"slices"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// Where only services are followed that somebody asks for, the first request for a name has its service read. The
// answer to it waits for that, and so does that to a client which connects again while Legate reads Consul: to say
// that there is nothing would take away what the client has. All other names of the request are answered at once,
// unless the response has to have all (clusters over state of the world). The wait is bounded.

// Expected says what is to be expected of a name that has no resource.
type Expected int

const (
	// Nothing: Consul has no service of the name.
	Nothing Expected = iota
	// Soon: it has one that is about to be served, if it can be. That is so for a short time.
	Soon
	// Unread: it has one that it was not asked for yet, or has not answered for; or it may have one.
	Unread
)

// Expect has a first answer that would say that there is nothing wait while expected says something else: for
// Config.FirstAnswerWait at most, but for a client that has the resource from before, as long as it does; an
// answer that has to have all waits a minute for that. A single request of such a client fails after that time, if it asks
// for nothing else. It is called before Run. expected must not block.
func (s *Server) Expect(expected func(name string) Expected) { s.expected = expected }

// awaited is the answer to a request for a name, which waits.
type awaited struct {
	until time.Time
	holds bool // the client has the resource from before
	since time.Time
}

// holdWhole is how long an answer that has to have all names waits at most for one that the client has from before:
// all others wait with it.
const holdWhole = time.Minute

// await has the answer for a name wait, which the stream did not ask for until now, if it is to be expected that
// there is one soon. It needs the store's lock.
func (s *subscription) await(e *entry, holds bool) bool {
	if e.res != nil || s.expected == nil || !s.table.demand || s.expected(e.name) == Nothing {
		return false
	}
	if s.awaited == nil {
		s.awaited = map[*entry]awaited{}
	}
	now := time.Now()
	s.awaited[e] = awaited{s.awaitUntil(now), holds, now}
	return true
}

// awaitUntil is until when a name waits that is asked for now.
func (s *subscription) awaitUntil(now time.Time) time.Time {
	if s.whole { // what is asked for later waits no longer, so that others do not wait again and again
		for _, a := range s.awaited {
			return a.until // as all of them
		}
	}
	return now.Add(s.firstWait)
}

// endAwait makes owed what has waited long enough, and forgets what needs no answer any more: it is there, or nobody
// asks for it. It needs the store's lock for reading.
func (s *subscription) endAwait() {
	if len(s.awaited) == 0 {
		return
	}
	now := time.Now()
	for e, a := range s.awaited {
		switch is := s.table.current(e); {
		case is.res != nil || !s.table.concerns(is, s.slot):
			delete(s.awaited, e)
		case now.Before(a.until):
			s.lookAgain(a.until)
		case a.holds && (!s.whole || now.Sub(a.since) < holdWhole) && s.expected(e.name) != Nothing:
			a.until = now.Add(s.firstWait)
			s.awaited[e] = a
			s.lookAgain(a.until)
		default:
			delete(s.awaited, e)
			s.owed = append(s.owed, e)
		}
	}
}

// awaitNames waits until what is expected of the names of a single request is there, or long enough. It notes what
// is asked for. Others are answered while it waits.
func (s *Server) awaitNames(ctx context.Context, r *discoveryv3.DiscoveryRequest) error {
	if s.asked == nil || s.expected == nil {
		return nil
	}
	st, t, err := s.tableFor(r)
	if err != nil || !t.demand {
		return nil // who answers says what is wrong
	}
	end := time.NewTimer(s.config.FirstAnswerWait)
	defer end.Stop()
	for {
		published := st.next()
		if wait, err := s.expects(ctx, st, t, r.GetResourceNames()); !wait || err != nil {
			return err
		}
		select {
		case <-published:
		case <-end.C:
			return nil
		case <-ctx.Done():
			return nil
		case <-s.stopping:
			return nil
		}
	}
}

// expects notes which names are asked for, and reports whether something is expected of one.
func (s *Server) expects(ctx context.Context, st *store, t *table, names []string) (wait bool, err error) {
	if err := s.admission.AdmitFetch(ctx); err != nil {
		return false, err
	}
	defer s.admission.ReleaseFetch()
	now := time.Now()
	for _, name := range names {
		switch is := st.hasName(t, name); {
		case is:
			s.asked.poll(name, now)
		case s.expected(name) != Nothing:
			s.asked.poll(name, now)
			wait = true
		}
	}
	return wait, nil
}

// awaitsAll reports whether something is expected of each of the names, and nothing there. It needs the store's lock for
// reading.
func (s *Server) awaitsAll(t *table, names []string) bool {
	return s.expected != nil && t.demand && len(names) > 0 &&
		!slices.ContainsFunc(names, func(name string) bool { return t.has(name) || s.expected(name) == Nothing })
}

func (s *store) hasName(t *table, name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return t.has(name)
}

// next is closed when the next batch is in.
func (s *store) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.batch == nil {
		s.batch = make(chan struct{})
	}
	return s.batch
}
