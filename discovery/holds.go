package discovery

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/guard"
)

// Hold is a loss of one service, or of one of Consul's config entries, that is not believed yet. So is an
// older state of an entry than the one that was believed.
type Hold struct {
	// Service is the service. Of an entry it is the one that the entry is about; empty: all.
	Service string `json:"service"`
	// Entry is the config entry (kind/name) that is gone; empty: instances of the service are. datacenter/NAME
	// and peer/NAME are sites that Consul lists no longer.
	Entry string `json:"entry,omitempty"`
	// Datacenter and Peer are the site, if it is another one than the own datacenter.
	Datacenter string `json:"datacenter,omitempty"`
	Peer       string `json:"peer,omitempty"`
	// Why is emptied, shrunk, catalog or datacenter: which limit of the Guard it went beyond; or
	// doubted: the answer was odd, such as one with less at the same index. Of an entry it is entry or
	// datacenter, or entry_hidden: the token may not read it, or entry_reverted: Consul says something older. Of a
	// site it is site.
	Why string `json:"why"`
	// What is kept: so many instances, of those that are served. Consul still has so many of them,
	// without the tags that select them; the others are gone.
	Kept       int       `json:"kept"`
	Served     int       `json:"served"`
	Deselected int       `json:"deselected,omitempty"`
	Since      time.Time `json:"since"`
	// Until is when it is believed at the latest, if Consul answers and still says the same. It is
	// zero when that time has come: then it is believed as soon as Consul has said so once more. It is
	// also zero for an entry that is hidden: that is kept until the token may read it again.
	Until  time.Time `json:"until,omitzero"`
	Remedy string    `json:"remedy"`
}

// HoldChange is a Hold that begins, or that has another reason now; or one that is over. Of one that is over only what it
// was about is known.
type HoldChange struct {
	Hold
	Outcome string        // how it ended: as in legate_holds_ended_total; empty: it begins
	Held    time.Duration // how long it lasted, if it is over
}

// Name is what is held: the service, with its site if it is another one, or the entry. It is also the name
// to release it by.
func (h Hold) Name() string {
	if h.Entry == "" && h.Site() != (catalog.Site{}) {
		return h.Service + "." + h.Site().String()
	}
	return cmp.Or(h.Entry, h.Service)
}

// Of is the service that it is about, with its site if it is another one; empty: it is about all, or none.
func (h Hold) Of() string {
	if h.Entry != "" {
		return h.Service
	}
	return h.Name()
}

// Ends says when it is believed, in the same words wherever that is shown.
func (h Hold) Ends(now time.Time) string {
	if h.Why == string(guard.EntryHidden) {
		return "when the token may read it again, or on release"
	}
	left := h.Until.Sub(now).Round(time.Second)
	if left <= 0 {
		return "when Consul confirms it"
	}
	return fmt.Sprintf("in %v, at %s", left, h.Until.Format(time.TimeOnly))
}

// String says it in a sentence.
func (h Hold) String() string {
	switch {
	case h.Why == string(guard.EntryHidden):
		return fmt.Sprintf("%s: Consul hides it from the token, and it is kept", h.Entry)
	case h.Why == string(guard.EntryReverted):
		return fmt.Sprintf("%s: Consul went back to an older state of it, which does not count yet", h.Entry)
	case h.Why == siteGone:
		return fmt.Sprintf("%s: not listed by Consul any more, and kept", h.Entry)
	case h.Entry != "":
		return fmt.Sprintf("%s: gone according to Consul, and kept (%s)", h.Entry, h.Why)
	}
	return fmt.Sprintf("%s: %d of %d instances %s according to Consul, and kept (%s)", h.Name(), h.Kept, h.Served, lostHow(h.Kept, h.Deselected), h.Why)
}

// lostHow says what Consul says of instances that are kept.
func lostHow(kept, deselected int) string {
	switch deselected {
	case 0:
		return "are gone"
	case kept:
		return "lost the tags that select them"
	}
	return fmt.Sprintf("are gone, or (%d) lost the tags that select them,", deselected)
}

const (
	entryRemedy    = "if it was deleted, wait, or release it: legate holds release --service KIND/NAME; else write it again"
	revertedRemedy = "was a snapshot restored? If it was meant, wait, or release it: legate holds release --service KIND/NAME; else write the entry again"
	hiddenRemedy   = `give the token service:read on every service (service_prefix "" { policy = "read" }); if the entry is not to count any more, release it: legate holds release --service KIND/NAME`
	holdRemedy     = "if they are really gone, wait, or release it: legate holds release --service NAME"
	tagsRemedy     = "if the tags are meant to be gone, wait, or release it: legate holds release --service NAME; else put them back"
	massRemedy     = "look at Consul: was its state lost, restored or hidden? If the instances are really gone: legate holds release --all"
)

// Holds are all losses that are held now: of services, by name, and then of config entries. It may be called at any time.
func (w *Watcher) Holds() []Hold {
	w.mu.Lock()
	holds := slices.Clone(w.holds)
	w.mu.Unlock()
	now := time.Now()
	for i := range holds {
		if !holds[i].Until.After(now) {
			holds[i].Until = time.Time{}
		}
	}
	return holds
}

// holding says whether a loss is held now that Consul may take back any moment. What is hidden from the
// token can stay so for days.
func (w *Watcher) holding() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.holds, func(h Hold) bool { return h.Why != string(guard.EntryHidden) })
}

// Release believes what is held of a service and of its config entries, of one entry (kind/name), or of
// all if the name is empty, at once. It returns how many holds ended; 0 also if ctx, or Run, ended before the Watcher came to it.
// Before Consul was reached once there are none.
func (w *Watcher) Release(ctx context.Context, service string) int {
	select {
	case <-w.begun:
	default:
		return 0
	}
	released := make(chan int, 1)
	select {
	case w.commands <- func(l *loop) { released <- l.release(service) }:
		return <-released
	case <-w.ended:
	case <-ctx.Done():
	}
	return 0
}

// release believes what is held of a service or an entry, or of all.
func (l *loop) release(service string) int {
	n := len(l.observe(time.Now(), guard.Released{Service: service}).Ended)
	l.w.log.Warn("holds are released by hand", "service", cmp.Or(service, "all"), "released", n)
	return n
}

// describeHolds adds a problem for each kind of hold: of instances, and of config entries.
func describeHolds(holds []Hold, s *Status) {
	by := map[string][]Hold{}
	for _, h := range holds {
		kind := "held_" + h.Why
		if h.Entry != "" && h.Why == string(guard.DatacenterLost) {
			kind = "held_entries"
		}
		by[kind] = append(by[kind], h)
	}
	for _, kind := range slices.Sorted(maps.Keys(by)) {
		all := by[kind]
		p := catalog.Problem{Kind: kind, Since: all[0].Since, Services: len(all), Remedy: all[0].Remedy}
		kept, deselected := 0, 0
		for _, h := range all {
			kept += h.Kept
			deselected += h.Deselected
			if h.Since.Before(p.Since) {
				p.Since = h.Since
			}
		}
		names := catalog.SomeOf(len(all), func(i int) string { return all[i].Name() })
		switch {
		case all[0].Why == string(guard.EntryHidden):
			p.Detail = fmt.Sprintf("Consul hides the config entries %s from the token; they are kept as they were last seen", names)
		case all[0].Why == string(guard.EntryReverted):
			p.Detail = fmt.Sprintf("Consul went back to an older state of the config entries %s; they are kept as they were until that is sure", names)
		case all[0].Why == siteGone:
			p.Detail = fmt.Sprintf("Consul does not list %s any more; what was known of them is kept until that is sure", names)
		case all[0].Entry != "":
			p.Detail = fmt.Sprintf("according to Consul, the config entries %s are gone; they are kept until that is sure", names)
		default:
			p.Detail = fmt.Sprintf("according to Consul, instances of %s (%d in all) %s; they are kept until that is sure", names, kept, lostHow(kept, deselected))
		}
		s.Problems = append(s.Problems, p)
	}
}
