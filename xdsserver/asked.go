package xdsserver

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Who asks for a resource by its name shows that somebody uses the service; who asks for all does not. Somebody can
// hear of such names, so that no other services have to be followed.

// asked knows which names may have become asked for, or not any more, and were not told yet.
type asked struct {
	some chan struct{} // has room for one

	mu     sync.Mutex
	names  map[string]struct{}
	all    bool
	polled map[string]time.Time // by name, until when what single requests asked for counts
}

const (
	// maxUntold is from how many names on it is told that any may have changed, and toldEvery how often that is.
	maxUntold = 4096
	toldEvery = 100 * time.Millisecond
	// maxPolled bounds the names that are kept for clients without a stream.
	maxPolled = 20_000
)

// TellAsked has names told that clients begin or cease to ask for, some at a time; no names: any may have changed. It
// is called before Run. tell is called by one goroutine, for which no client waits, and asks Asked what is so now.
func (s *Server) TellAsked(tell func(names []string)) {
	s.tellAsked = tell
	s.asked = &asked{some: make(chan struct{}, 1), names: map[string]struct{}{}, polled: map[string]time.Time{}}
}

// note needs the lock of the store whose streams begin or cease to ask for a name.
func (a *asked) note(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.noteLocked(name)
}

func (a *asked) noteLocked(name string) {
	if a.all {
		return
	}
	if a.names[name] = struct{}{}; len(a.names) > maxUntold {
		a.names, a.all = map[string]struct{}{}, true
	}
	select {
	case a.some <- struct{}{}:
	default:
	}
}

func (a *asked) take() (names []string, all bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name := range a.names {
		names = append(names, name)
	}
	all = a.all
	a.names, a.all = map[string]struct{}{}, false
	return names, all
}

// run tells, until the context ends.
func (a *asked) run(ctx context.Context, tell func([]string)) {
	if a == nil { // nobody wants to know
		return
	}
	forget := time.NewTicker(pollStays / 10)
	defer forget.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-forget.C:
			a.forgetPolled(now)
			continue
		case <-a.some:
		}
		names, all := a.take()
		switch {
		case all:
			tell(nil)
			select { // so many names are no haste of anybody's
			case <-time.After(toldEvery):
			case <-ctx.Done():
			}
		case len(names) > 0:
			tell(names)
		}
	}
}

// poll notes that a single request asked for a name. It counts for as long as a poller is remembered.
func (a *asked) poll(name string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, known := a.polled[name]
	if !known && len(a.polled) >= maxPolled {
		return
	}
	a.polled[name] = now.Add(pollStays)
	if !known {
		a.noteLocked(name)
	}
}

func (a *asked) forgetPolled(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, until := range a.polled {
		if now.After(until) {
			delete(a.polled, name)
			a.noteLocked(name)
		}
	}
}

func (a *asked) isPolled(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, is := a.polled[name]
	return is
}

// Asked reports whether some client asks by this name for a resource that shows that it uses a service.
func (s *Server) Asked(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, st := range s.stores {
		if st.isAsked(name) {
			return true
		}
	}
	return s.asked != nil && s.asked.isPolled(name)
}

func (s *store) isAsked(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, t := range s.tables {
		if e := t.entries[name]; t.demand && e != nil && !e.named.empty() {
			return true
		}
	}
	return false
}

// AllAsked are all names for which Asked is true, sorted.
func (s *Server) AllAsked() (names []string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, st := range s.stores {
		names = st.appendAsked(names)
	}
	if s.asked != nil {
		s.asked.mu.Lock()
		for name := range s.asked.polled {
			names = append(names, name)
		}
		s.asked.mu.Unlock()
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *store) appendAsked(names []string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, t := range s.tables {
		for name, e := range t.entries {
			if t.demand && !e.named.empty() {
				names = append(names, name)
			}
		}
	}
	return names
}
