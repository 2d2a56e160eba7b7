package xdsserver

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"legate/internal/xdstest"
	"legate/translate"
	"legate/xdsserver/admission"
)

func ghosts(kind string, n, bytes int) []string {
	all := make([]string, n)
	for i := range all {
		name := fmt.Sprint(kind, "-", i)
		all[i] = name + strings.Repeat("x", max(0, bytes-len(name)))
	}
	return all
}

func TestANameThatNobodyHasTakesLittleMore(t *testing.T) {
	const n, bytes = 20_000, 1000
	heap := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	st := newStore(own)
	sub := &subscription{table: st.table(eds), slot: st.attach(func() {})}
	all := ghosts("ghost", n, bytes)
	before := heap()
	if err := sub.subscribe(listed(all...), nil); err != nil {
		t.Fatal(err)
	}
	sub.owed = nil // it was sent
	if each := (heap()-before)/n - bytes; each > 500 {
		t.Errorf("a name takes %d bytes beside its own", each)
	} else if price := priceOf(all[0], 0) - len(all[0]); each > price+price/4 {
		t.Errorf("a name takes %d bytes beside its own, %d are counted", each, price)
	}
	runtime.KeepAlive(st)
}

func (s *stage) bytesOfNames() int64 { return s.Memory().Kinds[admission.HeldNames].Bytes }

func TestNamesThatNobodyHasAreBoundedForAStream(t *testing.T) {
	bothWith(t, func(c *Config) { c.Limits.NameBytes = 200_000 }, func(t *testing.T, s *stage, open opener) {
		s.set(service("web", 1)...)
		good := open("good")
		good.Want(eds, "web", "ghost")
		good.Accept(eds, "ghost@empty", "web@1")
		c := open("greedy")
		c.Want(eds, ghosts("a", 100, 1000)...)
		c.Read()
		c.Want(eds, append(ghosts("a", 100, 1000), ghosts("b", 100, 1000)...)...)
		wantStatus(t, c.Ended(), "ResourceExhausted", "names that Consul does not have")
		if said := s.said(admission.LimitNameBytes); said.Count != 1 || !strings.Contains(said.Remedy, "xds.max_name_bytes") {
			t.Errorf("%+v", said)
		}
		soon(t, "only one name is left", func() bool { return s.bytesOfNames() > 0 && s.bytesOfNames() < 1000 })
		good.Want(eds, "web")
		soon(t, "none is left", func() bool { return s.bytesOfNames() == 0 })
	})
}

func TestANameIsCountedOnceWhoeverAsksForIt(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(service("web", 1)...)
		first, second := open("first"), open("second")
		first.Want(eds, "ghost")
		first.Accept(eds, "ghost@empty")
		one := s.bytesOfNames()
		second.Want(eds, "ghost")
		second.Accept(eds, "ghost@empty")
		const place = 8 // bytes: each stream has a list
		if got := s.bytesOfNames(); got != one+place || one <= place {
			t.Errorf("%d bytes for one, %d for two", one, got)
		}
		first.Close()
		soon(t, "the first has gone", func() bool { return len(s.Streams()) == 1 })
		if got := s.bytesOfNames(); got != one {
			t.Errorf("%d bytes for the other one, %d before", got, one)
		}
		s.set(assignment("ghost", 1)) // now Consul has it
		second.Accept(eds, "ghost@1")
		if got := s.bytesOfNames(); got != 0 {
			t.Errorf("%d bytes for a name that there is", got)
		}
		s.gone(translate.Name{Type: eds, Name: "ghost"})
		second.Accept(eds, "ghost@empty")
		if got := s.bytesOfNames(); got == 0 {
			t.Error("a name that is gone takes nothing")
		}
		second.Close()
		soon(t, "nothing is left", func() bool { return s.bytesOfNames() == 0 })
	})
}

// Nothing can be published while a response is made, so one that answers for many names is made in parts.
func TestAnAnswerForManyNamesThatNobodyHasComesInParts(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(service("web", 1)...)
		const n = 3 * maxEmpty
		c := open("asks")
		c.Want(eds, append(ghosts("ghost", n, 0), "web")...)
		heard := map[string]bool{}
		for len(heard) < n+1 {
			r := c.Read()
			if len(r.Resources) > maxEmpty+1 {
				t.Fatalf("%d resources in a response", len(r.Resources))
			}
			for name := range r.Resources {
				if heard[name] {
					t.Errorf("%s came twice", name)
				}
				heard[name] = true
			}
			c.Ack(r)
		}
		c.Silence()
	})
}

// Who thinks of names without end waits; others do not.
func TestWhoThinksOfTooManyNamesIsNotListenedTo(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) { c.MaxNames, c.Limits.FreshNames = 100, 5 })
	s.set(service("web", 1)...)
	c := stateOfTheWorld(t, s, "thinks")
	for round := range 2 {
		c.Want(eds, ghosts(fmt.Sprint("round-", round), 100, 0)...)
		c.Read()
	}
	c.Want(eds, ghosts("round-3", 100, 0)...)
	other := stateOfTheWorld(t, s, "other")
	other.Want(eds, "ghost")
	other.Accept(eds, "ghost@empty")
	if r := c.Poll(time.Second); r != nil {
		t.Errorf("it is listened to: %s", r)
	}
	if s.Memory().Kinds[admission.HeldRequests].Bytes < admission.StreamWindow {
		t.Error("what it may send meanwhile is not counted")
	}
	s.set(assignment("round-1-7", 1)) // it hears of changes
	c.Read()
}

// A stream that has created too many names waits; a client that opens another one instead waits, too.
func TestANewStreamIsNoWayPastTheLimitOfNewNames(t *testing.T) {
	bothWith(t, func(c *Config) { c.MaxNames, c.Limits.FreshNames = manyNames+44, 5 }, func(t *testing.T, s *stage, open opener) {
		s.set(service("web", 1)...)
		for i := range 4 + 1 { // an address has the rate of four streams
			c := open(fmt.Sprint("stream-", i))
			c.Want(eds, ghosts(fmt.Sprint("round-", i), manyNames+44, 0)...)
			c.Read()
			c.Close()
		}
		late := open("late")
		late.Want(eds, ghosts("late", manyNames+44, 0)...)
		if r := late.Poll(time.Second); r != nil {
			t.Errorf("it is listened to: %.100s", r)
		}
		few := open("few") // is not kept waiting
		few.Want(eds, "web", "ghost")
		few.Accept(eds, "ghost@empty", "web@1")
	})
}

// Names that Consul has cost nobody memory, and who asks for others all the time costs work.
func TestWhoChangesNamesTooOftenWaitsAndThenIsRefused(t *testing.T) {
	bothWith(t, func(c *Config) { c.MaxNames, c.Limits.NameChanges, c.Limits.NewStreamWait = 10, 5, 2*time.Second }, func(t *testing.T, s *stage, open opener) {
		names := func(kind string) (all []string) {
			for i := range 10 {
				all = append(all, fmt.Sprint(kind, "-", i))
				s.set(service(all[i], 1)...)
			}
			return all
		}
		a, b := names("a"), names("b")
		c := open("swaps")
		start := time.Now()
		swap := func(to []string) {
			c.Want(eds, to...)
			c.Ack(c.Read())
		}
		swap(a)
		swap(b) // that makes 30, and 40 may be at once
		if took := time.Since(start); took > time.Second {
			t.Errorf("it waited for %v", took)
		}
		swap(a)           // 50: it waits for two seconds
		c.Want(eds, b...) // 70
		wantStatus(t, c.Ended(), "ResourceExhausted", "changes the names")
		if said := s.said(admission.LimitNameChanges); said.Count != 1 || !strings.Contains(said.Remedy, "xds.name_changes_per_second") {
			t.Errorf("%+v", said)
		}
		other := open("other") // has a share of its own
		other.Want(eds, "a-1")
		other.Accept(eds, "a-1@1")
	})
}

func TestTheStoreIsLeftBetweenManyNames(t *testing.T) {
	t.Parallel()
	const n = 20_000
	all := ghosts("ghost", n, 0)
	left := 0
	st := newStore(own)
	open := func() *subscription {
		return &subscription{table: st.table(eds), slot: st.attach(func() {}), yield: func() { left++ }}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s, whole := open(), open()
	for _, c := range []struct {
		what string
		ask  func()
	}{
		{"subscribe", func() { must(s.subscribe(listed(all...), nil)) }},
		{"rename", func() { must(whole.rename(listed(all...), false)) }},
		{"drop", func() { must(whole.rename(listed([]string{"one"}...), false)) }},
		{"unsubscribe", func() { s.unsubscribe(listed(all...)) }},
	} {
		left = 0
		c.ask()
		if left < n/manyNames-1 {
			t.Errorf("%s: left %d times", c.what, left)
		}
	}
	must(s.subscribe(listed(all...), nil))
	left = 0
	st.table(eds).unnameAll(s.slot, func() { left++ })
	if left < n/manyEntries-1 {
		t.Errorf("leave: left %d times", left)
	}
}

func TestWhatAStreamGivesUpCostsItsOwnNames(t *testing.T) {
	t.Parallel()
	const n = 20_000
	left := 0
	st := newStore(own)
	open := func(names ...string) *subscription {
		t.Helper()
		s := &subscription{table: st.table(eds), slot: st.attach(func() {}), yield: func() { left++ }}
		if err := s.rename(listed(names...), false); err != nil {
			t.Fatal(err)
		}
		return s
	}
	one := open("mine", "ours", "ours too")
	for i := range 10 {
		open(append(ghosts(fmt.Sprint("ghost-", i), n, 0), "ours")...)
	}
	left = 0
	if err := one.rename(listed("mine", "ours"), false); err != nil {
		t.Fatal(err)
	}
	if left > 0 {
		t.Errorf("one name is given up: the store was left %d times on the way", left)
	}
	st.table(eds).unnameAll(one.slot, func() { left++ })
	if left > 0 {
		t.Errorf("a stream ends that has two names: the store was left %d times on the way", left)
	}
	for name, wanted := range map[string]bool{"mine": false, "ours": true, "ours too": false} {
		if e := st.table(eds).entries[name]; (e != nil) != wanted {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestResponsesAreCountedUntilTheyAreAnswered(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		held := func() int64 { return s.Memory().Kinds[admission.HeldResponses].Bytes }
		var all []translate.Resource
		for i := range 100 {
			all = append(all, assignment(fmt.Sprint("s-", i), 1))
		}
		s.set(append(all, cluster("web", 1))...)
		c := open("edge")
		c.Want(eds, "s-1", "s-2")
		r := c.Read()
		if held() == 0 {
			t.Error("nothing is held")
		}
		c.Ack(r)
		soon(t, "nothing is held", func() bool { return held() == 0 })
		s.set(assignment("s-1", 2))
		c.Read()
		if held() == 0 {
			t.Error("nothing is held")
		}
		c.Close()
		soon(t, "nothing is held of who has gone", func() bool { return held() == 0 })
	})
}

func TestABudgetThatIsUsedUpRefusesEverybodyAndTellsWhen(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) {
		c.Limits.MemoryBytes, c.Limits.RefusedStreams = 2*(admission.ConnectionBytes+3*admission.StreamBytes+(8<<10)), 1000
	})
	s.set(service("web", 1)...)
	for i := range 3 {
		s.served(s.conn, fmt.Sprint("edge-", i))
	}
	err := s.refusedAs(s.conn, "more", "ResourceExhausted", "come again later")
	if err == nil || s.met(admission.LimitMemory) == 0 {
		t.Error(err)
	}
	post := xdstest.Open(t, s.conn, xdstest.SotW, "more")
	_ = post.Try(&discoveryv3.DiscoveryRequest{TypeUrl: cds}) // it may have ended already
	wantStatus(t, post.Ended(), "ResourceExhausted", "")
}

func TestOfNamesThatNobodyHasNothingStays(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(service("web", 1)...)
		c := open("edge")
		c.Want(eds, ghosts("ghost", 2*manyEntries, 100)...)
		c.Ack(c.Read())
		st := s.stores[own]
		table := st.table(eds)
		entries := func() int { st.mu.RLock(); defer st.mu.RUnlock(); return len(table.entries) }
		if n := entries(); n != 2*manyEntries+1 {
			t.Errorf("%d names", n)
		}
		before := table.entries
		c.Close()
		soon(t, "the names are gone", func() bool { return entries() == 1 })
		st.detaching.Lock()
		defer st.detaching.Unlock()
		st.mu.Lock()
		defer st.mu.Unlock()
		if reflect.ValueOf(before).Pointer() == reflect.ValueOf(table.entries).Pointer() {
			t.Error("the map has the room that it had")
		}
		if n := len(table.bodies.made); n != 0 {
			t.Errorf("%d responses of such names are kept", n)
		}
	})
}
