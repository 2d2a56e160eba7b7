package guard

import (
	"slices"
	"testing"
	"time"

	"legate/discovery/catalog"
)

// modified is an entry that was modified at an index.
func modified(index uint64, name, protocol string) catalog.Entry {
	return catalog.Entry{Key: entryKey(name), Protocol: protocol, ModifyIndex: index}
}

// listsAt is that Consul lists these at an index.
func (l *ledger) listsAt(index uint64, entries ...catalog.Entry) {
	l.t.Helper()
	l.sees(EntriesListed{Kind: catalog.ServiceDefaults, Entries: entries, Index: index})
}

// leader has it asked for all that is held, for so long: it says what there is.
func (l *ledger) leader(d time.Duration, entries ...catalog.Entry) {
	l.t.Helper()
	for end := l.now.Add(d); l.now.Before(end); {
		l.after(time.Second)
		for _, key := range slices.Clone(l.asked) {
			seen := EntrySeen{Key: key}
			if n := slices.IndexFunc(entries, func(e catalog.Entry) bool { return e.Key == key }); n >= 0 {
				seen.Entry = &entries[n]
			}
			l.sees(EntryAsked{key})
			l.sees(seen)
		}
	}
}

// speaks says what an entry is served as; empty: not at all.
func (l *ledger) speaks(what, name, protocol string) {
	l.t.Helper()
	if got := l.served[entryKey(name)].Protocol; got != protocol {
		l.t.Errorf("%s: %s is served as %q, want %q", what, name, got, protocol)
	}
}

func TestAnOlderEntryIsBelievedWhenTheLeaderHasSaidItTwice(t *testing.T) {
	for what, now := range map[string]uint64{"at a lower index": 50, "at a higher one, as another Consul's state": 150} {
		l := newLedger(t, nil)
		web, old := modified(100, "web", "grpc"), modified(40, "web", "http")
		l.listsAt(100, web)
		l.listsAt(now, old)
		l.is(what+", it is held", 1, EntryReverted)
		l.leader(5*time.Second, old)
		l.listsAt(now, old)
		l.speaks(what+", said once", "web", "grpc")
		if h := l.g.HeldEntries()[0]; !h.Until.Equal(h.Since.Add(11 * time.Second)) {
			t.Errorf("%s: %+v", what, h)
		}
		l.leader(7*time.Second, old)
		l.is(what+", said twice", 1)
		l.speaks(what+", said twice", "web", "http")
		if !slices.Equal(l.ended, []string{"confirmed"}) {
			t.Errorf("%s: ended %v", what, l.ended)
		}
		l.listsAt(now+1, modified(now+1, "web", "tcp"))
		l.speaks(what+", changed after that", "web", "tcp")
	}
}

// Entries that the snapshot has and that were deleted since come back in the same way, or not at all.
func TestAnEntryThatComesBackFromAnOlderStateIsDoubted(t *testing.T) {
	l := newLedger(t, nil)
	web, old, odd := modified(20, "web", "grpc"), modified(40, "old", "tcp"), modified(41, "odd", "tcp")
	l.listsAt(100, web)
	l.listsAt(50, web, old, odd)
	l.is("they are held", 1, EntryReverted, EntryReverted)
	l.listsAt(50, web, old, odd)
	l.is("however often they are listed", 1, EntryReverted, EntryReverted)
	l.listsAt(51, web, old)
	l.is("one is gone", 1, EntryReverted)
	l.leader(12*time.Second, old)
	l.is("the other is said twice", 2)
	l.listsAt(52, web, old, modified(52, "new", "tcp"))
	l.is("a new one is none of an older state", 3)
	if !slices.Equal(l.ended, []string{"dropped", "confirmed"}) {
		t.Errorf("ended %v", l.ended)
	}
	l.listsAt(30, web, old, odd)
	l.leader(3*time.Second, old)                              // odd was listed, and the leader has none
	l.is("the leader knows nothing of it", 3, DatacenterLost) // that is the new one, which is not in that state
}

func TestWhatEndsTheDoubtOfAnOlderEntry(t *testing.T) {
	web, old := modified(100, "web", "grpc"), modified(40, "web", "http")
	for what, c := range map[string]struct {
		then    func(l *ledger)
		speaks  string
		outcome string
	}{
		"it is as it was":                  {func(l *ledger) { l.listsAt(101, web) }, "grpc", "returned"},
		"it is as it was, says the leader": {func(l *ledger) { l.leader(2*time.Second, web) }, "grpc", "returned"},
		"it is written since":              {func(l *ledger) { l.listsAt(60, modified(60, "web", "tcp")) }, "tcp", "returned"},
		"it is written as it is listed":    {func(l *ledger) { l.listsAt(60, modified(60, "web", "http")) }, "http", "returned"},
		"it is released":                   {func(l *ledger) { l.sees(Released{Service: "web"}) }, "http", "released"},
		"all is released":                  {func(l *ledger) { l.sees(Released{}) }, "http", "released"},
	} {
		l := newLedger(t, nil)
		l.listsAt(100, web)
		l.listsAt(50, old)
		l.is(what, 1, EntryReverted)
		c.then(l)
		l.is(what+", it is over", 1)
		l.speaks(what, "web", c.speaks)
		if !slices.Equal(l.ended, []string{c.outcome}) {
			t.Errorf("%s: ended %v, want %s", what, l.ended, c.outcome)
		}
	}
}

// What is doubted can turn into something else that is: that is said twice anew.
func TestADoubtOfAnEntryCanTurnIntoAnother(t *testing.T) {
	web, old, older := modified(100, "web", "grpc"), modified(40, "web", "http"), modified(30, "web", "tcp")
	l := newLedger(t, func(c *Config) { c.DatacenterHold = 0 })
	l.listsAt(100, web)
	l.listsAt(50, old)
	l.leader(9*time.Second, old)
	l.listsAt(45, older)
	l.leader(9*time.Second, older)
	l.is("older still", 1, EntryReverted)
	l.listsAt(45)
	l.leader(9 * time.Second)
	l.is("not listed", 1, EntryLost)
	l.sees(EntrySeen{Key: web.Key, Hidden: true})
	l.is("hidden", 1, EntryHidden)
	l.listsAt(50, old)
	l.is("listed again", 1, EntryReverted)
	l.leader(9*time.Second, old)
	l.speaks("said once since", "web", "grpc")
	l.leader(4*time.Second, old)
	l.speaks("said twice since", "web", "http")
}

// A restored state takes some away and changes others back. What it takes away is held for long, as before.
func TestARestoredStateIsHeldEachInItsWay(t *testing.T) {
	l := newLedger(t, nil)
	same := modified(10, "same", "tcp")
	l.listsAt(100, same, modified(100, "web", "grpc"), modified(90, "new", "grpc"))
	l.listsAt(50, same, modified(40, "web", "http"))
	l.leader(30*time.Second, same, modified(40, "web", "http"))
	l.is("one is lost", 3, DatacenterLost)
	l.speaks("the other is changed back", "web", "http")
}

func TestWithoutConfirmationAnOlderEntryIsBelievedAtOnce(t *testing.T) {
	l := newLedger(t, func(c *Config) { c.Confirm = 0 })
	l.listsAt(100, modified(100, "web", "grpc"))
	l.listsAt(50, modified(40, "web", "http"))
	l.is("no confirmation", 1)
	l.speaks("no confirmation", "web", "http")
}

// A last known catalog of before a restore is newer than what Consul says.
func TestASeededEntryThatIsNewerThanConsulsIsKeptAtFirst(t *testing.T) {
	l := newLedger(t, nil)
	web, old := modified(100, "web", "grpc"), modified(40, "web", "http")
	l.served[web.Key] = web
	l.sees(SeededEntries{[]catalog.Entry{web}})
	l.listsAt(50, old)
	l.is("seeded", 1, EntryReverted)
	l.leader(12*time.Second, old)
	l.speaks("said twice", "web", "http")
}
