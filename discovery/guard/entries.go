package guard

import (
	"maps"
	"slices"
	"strings"
	"time"

	"legate/discovery/catalog"
)

// Consul's config entries are held like instances: an entry that Consul does not list any more is kept as
// it was last seen, until the leader, asked for it by its name, has said twice, at least Config.Confirm
// apart, that there is none. Consul says that only to who may read the entry. If it is hidden from the token,
// that is no evidence, and it is kept until it can be read again or is released. So a token that lost its
// rights takes no entry away.

// The reasons for holding an entry. It is DatacenterLost with many others, or after Consul's index went back.
const (
	EntryLost   Reason = "entry"        // Consul does not list it any more
	EntryHidden Reason = "entry_hidden" // the token may not read it
)

// entry is what the guard knows of a config entry: it is served as it was last seen.
type entry struct {
	is   catalog.Entry
	hold *entryHold // nil: nothing is held
}

// entryHold is that Consul does not list an entry, which is not believed yet.
type entryHold struct {
	most   bool // it went with most of the datacenter's, or when Consul's index went back
	hidden bool // the token may not read it, as far as is known
	since  time.Time
	asked  time.Time // when it was last asked for by its name; zero: never
	missed time.Time // the first of the answers in a row that there is none; zero: there is no such answer
	agreed time.Time // the last of them
}

func (h *entryHold) why() Reason {
	switch {
	case h.hidden:
		return EntryHidden
	case h.most:
		return DatacenterLost
	}
	return EntryLost
}

// confirmed says that the leader has said often enough that there is none.
func (h *entryHold) confirmed(c Config) bool {
	return !h.missed.IsZero() && h.agreed.Sub(h.missed) >= c.Confirm
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
	case !h.missed.IsZero() && now.Before(h.missed.Add(c.Confirm)):
		return false
	}
	return !now.Before(h.asked.Add(min(c.Confirm, time.Second)))
}

func (o EntriesListed) on(g *State, now time.Time, d *Decision) {
	listed := make(map[catalog.EntryKey]bool, len(o.Entries))
	for _, is := range o.Entries {
		listed[is.Key] = true
		g.found(is, now, d)
	}
	for key, e := range g.entries {
		if key.Kind == o.Kind && !listed[key] && e.hold == nil {
			e.hold = &entryHold{since: now}
			g.heldEntries++
			d.HoldsChanged = true
		}
	}
	held := g.entriesHeld(now)
	for _, e := range held {
		if e.hold.since.Equal(now) && !e.hold.most && g.cfg.Confirm == 0 {
			g.dropEntry(e, now, "confirmed", d)
		}
	}
}

// entriesHeld are the entries that are held, by key. If those that are not known to be hidden are most of
// all, or Consul's state may be another one, they are held as the loss of most of the datacenter is.
func (g *State) entriesHeld(now time.Time) []*entry {
	held := g.heldBy()
	lost := 0
	for _, e := range held {
		if !e.hold.hidden {
			lost++
		}
	}
	if g.cfg.DatacenterHold > 0 && (g.indexWentBack(now) || g.cfg.Datacenter.passed(lost, len(g.entries))) {
		for _, e := range held {
			e.hold.most = e.hold.most || !e.hold.hidden
		}
	}
	return held
}

func (o EntrySeen) on(g *State, now time.Time, d *Decision) {
	e := g.entries[o.Key]
	if e == nil || e.hold == nil || e.hold.asked.IsZero() { // it is no answer to this hold
		return
	}
	h := e.hold
	d.HoldsChanged = true
	switch {
	case o.Entry != nil:
		g.found(*o.Entry, now, d)
	case o.Hidden:
		h.hidden, h.missed, h.most = true, time.Time{}, false // that explains why it is not listed
	default:
		if h.hidden = false; h.missed.IsZero() {
			h.missed = now
		}
		h.agreed = now
		g.weighEntry(e, now, d)
	}
}

// weighEntry believes that an entry is gone, if it is time.
func (g *State) weighEntry(e *entry, now time.Time, d *Decision) {
	if h := e.hold; h.confirmed(g.cfg) && !now.Before(h.ends(g.cfg)) {
		outcome := "confirmed"
		if h.most {
			outcome = "expired"
		}
		g.dropEntry(e, now, outcome, d)
	}
}

func (o EntryAsked) on(g *State, now time.Time, _ *Decision) {
	if e := g.entries[o.Key]; e != nil && e.hold != nil {
		e.hold.asked = now
	}
}

func (o SeededEntries) on(g *State, _ time.Time, _ *Decision) {
	for _, is := range o.Entries {
		g.entries[is.Key] = &entry{is: is}
	}
}

// found serves an entry as it is.
func (g *State) found(is catalog.Entry, now time.Time, d *Decision) {
	e := g.entries[is.Key]
	if e == nil {
		e = &entry{}
		g.entries[is.Key] = e
	}
	g.endEntry(e, now, "returned", d)
	e.is = is
	d.Entries = append(d.Entries, is)
}

// dropEntry believes that an entry is gone.
func (g *State) dropEntry(e *entry, now time.Time, outcome string, d *Decision) {
	g.endEntry(e, now, outcome, d)
	delete(g.entries, e.is.Key)
	d.GoneEntries = append(d.GoneEntries, e.is.Key)
}

func (g *State) endEntry(e *entry, now time.Time, outcome string, d *Decision) {
	if e.hold == nil {
		return
	}
	d.Ended, d.HoldsChanged = append(d.Ended, Ended{Entry: e.is.Key, Outcome: outcome, Held: now.Sub(e.hold.since)}), true
	e.hold = nil
	g.heldEntries--
}

// releaseEntries believes what is held of the entries with a name, or of all.
func (g *State) releaseEntries(name string, now time.Time, d *Decision) {
	for _, e := range g.heldBy() {
		if name == "" || name == e.is.Key.String() || e.is.Key.Kind != catalog.ProxyDefaults && strings.EqualFold(name, e.is.Key.Name) {
			g.dropEntry(e, now, "released", d)
		}
	}
}

// elapsedEntries believes what is confirmed and whose time has come, and asks for what is due. Of those
// that are hidden it asks for one at a time, and soon for the next one if that is hidden no more: they
// can be read again together.
func (g *State) elapsedEntries(now time.Time, d *Decision) {
	held := g.entriesHeld(now)
	for _, e := range held {
		g.weighEntry(e, now, d)
	}
	var hidden *entry // the one that was asked for longest ago
	var last time.Time
	for _, e := range held {
		switch h := e.hold; {
		case h == nil:
		case h.isDue(g.cfg, now):
			d.AskEntries = append(d.AskEntries, e.is.Key)
		case h.hidden:
			if last = latest(last, h.asked); hidden == nil || h.asked.Before(hidden.hold.asked) {
				hidden = e
			}
		}
	}
	if hidden != nil && !now.Before(last.Add(max(g.cfg.Confirm, time.Second))) {
		d.AskEntries = append(d.AskEntries, hidden.is.Key)
	}
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

// HeldEntry is a config entry that Consul does not list any more, which is not believed yet.
type HeldEntry struct {
	Key   catalog.EntryKey
	Why   Reason
	Since time.Time
	// Until is when it is believed at the latest, if Consul can be asked and says that there is none; zero: it
	// is kept until the token may read it again, or it is released.
	Until time.Time
}

// HeldEntries are all that are held, by key.
func (g *State) HeldEntries() (all []HeldEntry) {
	for _, e := range g.heldBy() {
		h := HeldEntry{Key: e.is.Key, Why: e.hold.why(), Since: e.hold.since}
		if !e.hold.hidden {
			h.Until = latest(e.hold.ends(g.cfg), latest(e.hold.since, e.hold.missed).Add(g.cfg.Confirm))
		}
		all = append(all, h)
	}
	return all
}
