package guard

import (
	"strings"
	"time"

	"legate/discovery/catalog"
)

// Consul's config entries are held like instances.
//
// An entry that Consul does not list any more is kept as it was last seen, until the leader, asked for it by
// its name, has said twice, at least Config.Confirm apart, that there is none. Consul says that only to who may
// read the entry. If it is hidden from the token, that is no evidence, and it is kept until it can be read again
// or is released. So a token that lost its rights takes no entry away.
//
// An entry of which Consul says something older than what is served is doubted in the same way: the entry was
// modified at a lower index, or the answer's index went back. So does a snapshot that was restored, and so does
// a server of another state. Only the leader can say it twice, and then it is believed: restoring is a person's
// doing. What is written after that is newer, and believed at once.

// entry is what the guard knows of a config entry.
type entry struct {
	is     catalog.Entry // as it was last believed
	served bool          // false: nothing was believed of it yet
	hold   *entryHold    // nil: nothing is held
}

// isLost says that there is no such entry any more, as far as is known.
func (e *entry) isLost() bool { return e.hold.older == nil && !e.hold.hidden }

func (o EntriesListed) on(g *State, now time.Time, d *Decision) {
	back := o.Index < g.entriesAt[o.Kind]
	if g.entriesAt[o.Kind] = o.Index; back {
		g.wentBack = now // this query may see that before the canary does
	}
	listed := make(map[catalog.EntryKey]bool, len(o.Entries))
	for _, is := range o.Entries {
		listed[is.Key] = true
		g.found(is, back, now, d)
	}
	for key, e := range g.entries {
		if key.Kind == o.Kind && !listed[key] {
			g.missing(e, now, d)
		}
	}
	held := g.entriesHeld(now)
	for _, e := range held {
		if e.hold.since.Equal(now) && !e.hold.most && g.cfg.Confirm == 0 {
			g.believeEntry(e, now, "confirmed", d)
		}
	}
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
		if g.found(*o.Entry, false, now, d); !g.IsDoubted(*o.Entry) {
			return
		}
	case !e.served:
		g.forget(e, now, d)
		return
	case o.Hidden:
		h.hidden, h.said, h.most = true, time.Time{}, false // that explains why it is not listed
		return
	case h.older != nil:
		h.doubts(nil)
	}
	h.agree(now)
	g.weighEntry(e, now, d)
}

// weighEntry believes what Consul says of an entry, if it is time.
func (g *State) weighEntry(e *entry, now time.Time, d *Decision) {
	if h := e.hold; h.confirmed(g.cfg) && !now.Before(h.ends(g.cfg)) {
		outcome := "confirmed"
		if h.most {
			outcome = "expired"
		}
		g.believeEntry(e, now, outcome, d)
	}
}

func (o EntryAsked) on(g *State, now time.Time, _ *Decision) {
	if e := g.entries[o.Key]; e != nil && e.hold != nil {
		e.hold.asked = now
	}
}

func (o SeededEntries) on(g *State, _ time.Time, _ *Decision) {
	for _, is := range o.Entries {
		g.entries[is.Key] = &entry{is: is, served: true}
	}
}

// found takes in what Consul says of an entry. It is served, unless it is older than what is. back says that
// the answer's index went back.
func (g *State) found(is catalog.Entry, back bool, now time.Time, d *Decision) {
	e := g.entries[is.Key]
	if e == nil {
		e = &entry{is: catalog.Entry{Key: is.Key}}
		g.entries[is.Key] = e
	}
	doubted := g.IsDoubted(is)
	switch {
	case g.cfg.Confirm == 0, e.served && e.is.Equal(is):
	case e.hold != nil && e.hold.older != nil && is.ModifyIndex > e.hold.older.ModifyIndex: // written since
	case doubted:
		return
	case back || is.ModifyIndex < e.is.ModifyIndex:
		g.hold(e, now, d).doubts(&is)
		return
	}
	g.serveEntry(e, is, "returned", now, d)
}

// missing takes in that Consul does not list an entry.
func (g *State) missing(e *entry, now time.Time, d *Decision) {
	switch {
	case !e.served:
		g.forget(e, now, d)
	case e.hold == nil:
		g.hold(e, now, d)
	case e.hold.older != nil:
		e.hold.doubts(nil)
		d.HoldsChanged = true
	}
}

// hold is that of an entry, which begins now if there is none yet.
func (g *State) hold(e *entry, now time.Time, d *Decision) *entryHold {
	d.HoldsChanged = true
	if e.hold == nil {
		e.hold = &entryHold{since: now}
		g.heldEntries++
	}
	return e.hold
}

// believeEntry believes what Consul says of an entry that is held.
func (g *State) believeEntry(e *entry, now time.Time, outcome string, d *Decision) {
	if older := e.hold.older; older != nil {
		g.serveEntry(e, *older, outcome, now, d)
		return
	}
	g.endEntry(e, now, outcome, d)
	delete(g.entries, e.is.Key)
	d.GoneEntries = append(d.GoneEntries, e.is.Key)
}

// serveEntry serves an entry as it is. What was held of it is over.
func (g *State) serveEntry(e *entry, is catalog.Entry, outcome string, now time.Time, d *Decision) {
	g.endEntry(e, now, outcome, d)
	e.is, e.served = is, true
	d.Entries = append(d.Entries, is)
}

// forget forgets an entry of which nothing was believed, and that is not there any more.
func (g *State) forget(e *entry, now time.Time, d *Decision) {
	g.endEntry(e, now, "dropped", d)
	delete(g.entries, e.is.Key)
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
			g.believeEntry(e, now, "released", d)
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
