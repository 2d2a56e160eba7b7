package guard

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"legate/discovery/catalog"
)

// ledger is what is served of config entries, as the guard's decisions say, at a time that passes.
type ledger struct {
	t      *testing.T
	g      *State
	now    time.Time
	served map[catalog.EntryKey]catalog.Entry
	asked  []catalog.EntryKey
	ended  []string // outcomes
}

func newLedger(t *testing.T, change func(*Config)) *ledger {
	c := DefaultConfig()
	if change != nil {
		change(&c)
	}
	return &ledger{t: t, g: New(c), now: time.Unix(1_000_000, 0), served: map[catalog.EntryKey]catalog.Entry{}}
}

func (l *ledger) sees(o Observation) {
	l.t.Helper()
	d := l.g.Step(l.now, o)
	for _, e := range d.Entries {
		l.served[e.Key] = e
	}
	for _, key := range d.GoneEntries {
		if _, was := l.served[key]; !was {
			l.t.Errorf("%s is gone that was not served", key)
		}
		delete(l.served, key)
	}
	for _, e := range d.Ended {
		l.ended = append(l.ended, e.Outcome)
	}
	l.asked = d.AskEntries
}

// after lets time pass in seconds, as it is told.
func (l *ledger) after(d time.Duration) {
	l.t.Helper()
	for end := l.now.Add(d); l.now.Before(end); {
		l.now = l.now.Add(time.Second)
		l.sees(Elapsed{})
	}
}

func entryKey(name string) catalog.EntryKey {
	return catalog.EntryKey{Kind: catalog.ServiceDefaults, Name: name}
}

// lists is that Consul lists these, each with a protocol.
func (l *ledger) lists(protocol string, names ...string) {
	l.t.Helper()
	o := EntriesListed{Kind: catalog.ServiceDefaults}
	for _, name := range names {
		o.Entries = append(o.Entries, catalog.Entry{Key: entryKey(name), Protocol: protocol})
	}
	l.sees(o)
}

// looks has Consul asked for all that is held, for so long: it says that there is no such entry, or hides it.
func (l *ledger) looks(d time.Duration, hidden bool) {
	l.t.Helper()
	for end := l.now.Add(d); l.now.Before(end); {
		l.after(time.Second)
		for _, key := range slices.Clone(l.asked) {
			l.sees(EntryAsked{key})
			l.sees(EntrySeen{Key: key, Hidden: hidden})
		}
	}
}

// is says what is served, and why what is held is.
func (l *ledger) is(what string, served int, held ...Reason) {
	l.t.Helper()
	var why []Reason
	for _, h := range l.g.HeldEntries() {
		why = append(why, h.Why)
	}
	if len(l.served) != served || !slices.Equal(why, held) {
		l.t.Errorf("%s: %d are served, held are %v; want %d, %v", what, len(l.served), why, served, held)
	}
}

func many(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("s%02d", i))
	}
	return names
}

func TestWhatIsListedIsServedAtOnce(t *testing.T) {
	l := newLedger(t, nil)
	l.lists("grpc", "web", "db")
	l.is("two", 2)
	l.lists("tcp", "web", "db", "new")
	l.is("three", 3)
	if e := l.served[entryKey("web")]; e.Protocol != "tcp" {
		t.Errorf("a change is not served: %+v", e)
	}
}

func TestADeletedEntryIsBelievedWhenTheLeaderHasSaidItTwice(t *testing.T) {
	l := newLedger(t, nil)
	l.lists("grpc", "web", "db")
	l.lists("grpc", "db")
	l.is("it is held", 2, EntryLost)
	l.sees(EntrySeen{Key: entryKey("web")}) // that answers a question of before
	l.looks(time.Second, false)             // the first answer
	l.looks(9*time.Second, false)
	l.is("said once, or twice too soon", 2, EntryLost)
	if h := l.g.HeldEntries()[0]; h.Key != entryKey("web") || !h.Until.Equal(h.Since.Add(11*time.Second)) {
		t.Errorf("%+v", h)
	}
	l.looks(2*time.Second, false)
	l.is("said twice", 1)
	if !slices.Equal(l.ended, []string{"confirmed"}) {
		t.Errorf("ended %v", l.ended)
	}
	l.lists("grpc", "web", "db")
	l.is("written again", 2)
}

func TestWithoutAnAnswerAnEntryStays(t *testing.T) {
	l := newLedger(t, nil)
	l.lists("grpc", "web")
	l.lists("grpc")
	asked := 0
	for range 100 {
		l.after(time.Second)
		for _, key := range l.asked {
			asked++
			l.sees(EntryAsked{key})
		}
	}
	l.is("nobody answers", 1, EntryLost)
	if asked < 50 {
		t.Errorf("asked %d times in 100 s", asked)
	}
	l.lists("http", "web")
	l.is("it is listed again", 1)
	if !slices.Equal(l.ended, []string{"returned"}) || l.served[entryKey("web")].Protocol != "http" {
		t.Errorf("ended %v, %+v", l.ended, l.served)
	}
}

func TestAnEntryThatIsHiddenStaysUntilItIsReadOrReleased(t *testing.T) {
	l := newLedger(t, nil)
	l.lists("grpc", "web", "db", "api")
	l.lists("grpc")
	l.looks(time.Hour, true)
	l.is("hidden for an hour", 3, EntryHidden, EntryHidden, EntryHidden)
	if h := l.g.HeldEntries()[0]; !h.Until.IsZero() {
		t.Errorf("an end is promised: %+v", h)
	}
	asked := map[catalog.EntryKey]int{}
	for range 60 {
		l.after(time.Second)
		for _, key := range l.asked {
			asked[key]++
			l.sees(EntryAsked{key})
			l.sees(EntrySeen{Key: key, Hidden: true})
		}
	}
	if len(asked) != 3 || asked[entryKey("web")] != 2 {
		t.Errorf("in a minute asked for %v, want one each 10 s, in turn", asked)
	}
	l.after(10 * time.Second)
	l.sees(EntryAsked{entryKey("web")})
	l.sees(EntrySeen{Key: entryKey("web"), Entry: &catalog.Entry{Key: entryKey("web"), Protocol: "tcp"}})
	l.is("one can be read again", 3, EntryHidden, EntryHidden)
	if l.served[entryKey("web")].Protocol != "tcp" {
		t.Errorf("it is served as %+v", l.served[entryKey("web")])
	}
	l.sees(Released{Service: "DB"})
	l.is("one is released, by its service", 2, EntryHidden)
	l.sees(Released{Service: "service-defaults/api"})
	l.is("one by its own name", 1)
	if !slices.Equal(l.ended, []string{"returned", "released", "released"}) {
		t.Errorf("ended %v", l.ended)
	}
}

// Hidden is no evidence: what the leader said before it was hidden does not count any more.
func TestWhatIsHiddenMeanwhileMustBeSaidTwiceAgain(t *testing.T) {
	l := newLedger(t, nil)
	l.lists("grpc", "web", "db")
	l.lists("grpc", "db")
	l.looks(3*time.Second, false)
	l.sees(EntrySeen{Key: entryKey("web"), Hidden: true})
	l.looks(10*time.Second, false) // asked for once: it is hidden
	l.is("said once since", 2, EntryLost)
	l.looks(11*time.Second, false)
	l.is("said twice since", 1)
}

func TestMostEntriesTogetherAreHeldLikeMostOfTheDatacenter(t *testing.T) {
	l := newLedger(t, nil)
	l.lists("grpc", many(12)...)
	l.lists("grpc", many(6)...)
	l.looks(12*time.Second, false)
	l.is("half is no more than half", 6)

	l = newLedger(t, nil)
	l.lists("grpc", many(12)...)
	l.lists("grpc", many(6)...)
	l.lists("grpc", many(5)...)
	var all []Reason
	for range 7 {
		all = append(all, DatacenterLost)
	}
	l.is("more than half, in two steps", 12, all...)
	l.looks(59*time.Minute, false)
	l.is("for long", 12, all...)
	l.looks(2*time.Minute, false)
	l.is("not for ever", 5)
	if l.ended[0] != "expired" {
		t.Errorf("ended %v", l.ended)
	}
	l.lists("grpc")
	l.looks(12*time.Second, false)
	l.is("few may all go", 0)
}

// What is hidden is not lost: it does not make the loss of another one that of most.
func TestHiddenEntriesAreNoLossOfMost(t *testing.T) {
	l := newLedger(t, nil)
	l.lists("grpc", many(12)...)
	l.lists("grpc", many(4)...)
	l.looks(30*time.Second, true)
	if h := l.g.HeldEntries(); len(h) != 8 || h[0].Why != EntryHidden {
		t.Fatalf("held are %+v", h)
	}
	l.lists("grpc", many(3)...) // one is deleted
	for range 12 {
		l.after(time.Second)
		for _, key := range slices.Clone(l.asked) {
			l.sees(EntryAsked{key})
			l.sees(EntrySeen{Key: key, Hidden: key != entryKey("s03")})
		}
	}
	if _, is := l.served[entryKey("s03")]; is || len(l.served) != 11 {
		t.Errorf("%d are served, held are %+v", len(l.served), l.g.HeldEntries())
	}
	l.looks(20*time.Second, false)
	if h := l.g.HeldEntries(); len(l.served) != 11 || len(h) != 8 || h[0].Why != DatacenterLost {
		t.Errorf("all can be read, and are gone: %d are served, held are %+v, want them held as most", len(l.served), h)
	}
}

// A snapshot was restored, or Consul lost its state: then no loss is a person's doing.
func TestWhatIsLostWithAnIndexThatWentBackIsHeldForLong(t *testing.T) {
	for what, wentBackFirst := range map[string]bool{"the index first": true, "the loss first": false} {
		l := newLedger(t, nil)
		l.lists("grpc", "web", "db", "api")
		if wentBackFirst {
			l.sees(IndexWentBack{})
		}
		l.lists("grpc", "db", "api")
		if !wentBackFirst {
			l.looks(5*time.Second, false)
			l.sees(IndexWentBack{})
		}
		l.looks(30*time.Minute, false)
		l.is(what, 3, DatacenterLost)
		l.sees(Released{})
		l.is(what+", released", 2)
	}
}

func TestSeededEntriesAreHeldFromTheStart(t *testing.T) {
	l := newLedger(t, nil)
	seeded := catalog.Entry{Key: entryKey("web"), Protocol: "grpc"}
	l.served[seeded.Key] = seeded
	l.sees(SeededEntries{[]catalog.Entry{seeded}})
	l.lists("grpc")
	l.is("it is held", 1, EntryLost)
	l.looks(12*time.Second, false)
	l.is("it is confirmed", 0)
}

func TestWithoutConfirmationALossIsBelievedAtOnceUnlessItIsMost(t *testing.T) {
	l := newLedger(t, func(c *Config) { c.Confirm = 0 })
	l.lists("grpc", many(12)...)
	l.lists("grpc", many(11)...)
	l.is("one", 11)
	l.lists("grpc")
	if len(l.served) != 11 || len(l.g.HeldEntries()) != 11 {
		t.Errorf("of 11 that are lost %d are served, %d held", len(l.served), len(l.g.HeldEntries()))
	}
	l = newLedger(t, func(c *Config) { c.Confirm, c.DatacenterHold = 0, 0 })
	l.lists("grpc", many(12)...)
	l.lists("grpc")
	l.is("no guard", 0)
}

func TestOtherKindsAreNotLost(t *testing.T) {
	l := newLedger(t, nil)
	l.lists("grpc", "web")
	l.sees(EntriesListed{Kind: catalog.ServiceResolver})
	l.sees(Released{Service: "web"})
	l.is("a list of another kind says nothing", 1)
	global := catalog.Entry{Key: catalog.EntryKey{Kind: catalog.ProxyDefaults, Name: catalog.GlobalEntry}}
	l.sees(EntriesListed{Kind: catalog.ProxyDefaults, Entries: []catalog.Entry{global}})
	l.sees(EntriesListed{Kind: catalog.ProxyDefaults})
	l.sees(Released{Service: "global"})
	l.is("a service called global has no proxy-defaults", 2, EntryLost)
	l.sees(Released{Service: "proxy-defaults/global"})
	l.is("by its own name", 1)
}
