package guard

import (
	"maps"
	"slices"
	"time"

	"legate/discovery/catalog"
)

// The reasons for holding an entry. It is DatacenterLost with many others, or after Consul's index went back.
const (
	EntryLost     Reason = "entry"          // Consul does not list it any more
	EntryHidden   Reason = "entry_hidden"   // the token may not read it
	EntryReverted Reason = "entry_reverted" // Consul says something older of it
)

// entryHold is that Consul says something else of an entry, which is not believed yet.
type entryHold struct {
	older  *catalog.Entry // what it says instead; nil: that there is none
	most   bool           // it went with most of the datacenter's, or when Consul's index went back
	hidden bool           // the token may not read it, as far as is known
	since  time.Time
	asked  time.Time // when it was last asked for by its name; zero: never
	said   time.Time // the first of the leader's answers in a row that say so; zero: there is no such answer
	agreed time.Time // the last of them
}

func (h *entryHold) why() Reason {
	switch {
	case h.hidden:
		return EntryHidden
	case h.older != nil:
		return EntryReverted
	case h.most:
		return DatacenterLost
	}
	return EntryLost
}

// doubts makes this what is not believed; nil: that there is none. What the leader said before does not count.
func (h *entryHold) doubts(older *catalog.Entry) {
	h.older, h.said, h.most, h.hidden = older, time.Time{}, false, false
}

// agree takes an answer of the leader's into account that says so.
func (h *entryHold) agree(now time.Time) {
	if h.hidden = false; h.said.IsZero() {
		h.said = now
	}
	h.agreed = now
}

// confirmed says that the leader has said so often enough.
func (h *entryHold) confirmed(c Config) bool {
	return !h.said.IsZero() && h.agreed.Sub(h.said) >= c.Confirm
}

// ends is from when on it is believed if it is confirmed.
func (h *entryHold) ends(c Config) time.Time {
	if h.most {
		return h.since.Add(c.DatacenterHold)
	}
	return h.since
}

// isDue says that it is to be asked for, as that may tell something new.
func (h *entryHold) isDue(c Config, now time.Time) bool {
	switch {
	case h.hidden, h.confirmed(c):
		return false
	case h.asked.IsZero():
		return true
	case !h.said.IsZero() && now.Before(h.said.Add(c.Confirm)):
		return false
	}
	return !now.Before(h.asked.Add(min(c.Confirm, time.Second)))
}

// entriesHeld are the entries that are held, by key. If those that are lost are most of all, or Consul's state
// may be another one, they are held as the loss of most of the datacenter is.
func (g *State) entriesHeld(now time.Time) []*entry {
	held := g.heldBy()
	lost, all := 0, len(g.entries)
	for _, e := range held {
		if e.isLost() {
			lost++
		}
		if !e.served {
			all--
		}
	}
	if g.cfg.DatacenterHold > 0 && (g.indexWentBack(now) || g.cfg.Datacenter.passed(lost, all)) {
		for _, e := range held {
			e.hold.most = e.hold.most || e.isLost()
		}
	}
	return held
}

// heldBy are the entries that are held, by key.
func (g *State) heldBy() (held []*entry) {
	if g.heldEntries == 0 {
		return nil
	}
	for e := range maps.Values(g.entries) {
		if e.hold != nil {
			held = append(held, e)
		}
	}
	slices.SortFunc(held, func(a, b *entry) int { return a.is.Key.Compare(b.is.Key) })
	return held
}

// HeldEntry is a config entry of which Consul says something else than is served, which is not believed yet.
type HeldEntry struct {
	Key   catalog.EntryKey
	Why   Reason
	Since time.Time
	// Until is when it is believed at the latest, if Consul can be asked and still says so; zero: it is kept
	// until the token may read it again, or it is released.
	Until time.Time
}

// HeldEntries are all that are held, by key.
func (g *State) HeldEntries() (all []HeldEntry) {
	for _, e := range g.heldBy() {
		h := HeldEntry{Key: e.is.Key, Why: e.hold.why(), Since: e.hold.since}
		if !e.hold.hidden {
			h.Until = latest(e.hold.ends(g.cfg), latest(e.hold.since, e.hold.said).Add(g.cfg.Confirm))
		}
		all = append(all, h)
	}
	return all
}

// IsDoubted says that this is what Consul's list says of an entry, and that it is not believed yet.
func (g *State) IsDoubted(is catalog.Entry) bool {
	e := g.entries[is.Key]
	return e != nil && e.hold != nil && e.hold.older != nil && e.hold.older.Equal(is)
}
