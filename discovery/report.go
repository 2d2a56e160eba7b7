package discovery

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/guard"
)

// report makes visible what the loop decides: to Holds and Status, to the metrics and to the log. In the log
// each loss has a line, and where they are many, sums over time.
type report struct {
	w       *Watcher
	holds   []Hold
	changed bool          // the guard has others
	over    []guard.Ended // not logged yet
	mass    guard.Mass    // the last that was shown
	isMass  bool          // most of the datacenter is critical
	lines   struct{ held, over, deselected, missed, refused tally }
}

// decided takes in what the guard decided of holds.
func (r *report) decided(d guard.Decision) {
	for _, e := range d.Ended {
		r.w.metrics.HoldEnded(e.Outcome)
	}
	r.over = append(r.over, d.Ended...)
	r.changed = r.changed || d.HoldsChanged
}

// showHolds shows the holds that there are now.
func (r *report) showHolds(g *guard.State, now time.Time) {
	if !r.changed {
		return
	}
	r.changed = false
	told := r.tellOver()
	r.logOver(now)
	before := r.holds
	r.holds = nil
	services, instances := map[string]int{}, map[string]int{}
	var fresh []Hold
	for _, one := range holdsOf(g) {
		one = r.w.here(one)
		r.holds = append(r.holds, one)
		services[one.Why]++
		instances[one.Why] += one.Kept
		at, was := slices.BinarySearchFunc(before, one, compareHolds)
		if !was || before[at].Why != one.Why {
			fresh = append(fresh, one)
		}
	}
	r.w.metrics.Holds(services, instances)
	r.w.mu.Lock()
	r.w.holds = r.holds
	r.w.mu.Unlock()
	r.logHolds(fresh, now)
	for _, h := range fresh {
		told = append(told, HoldChange{Hold: h})
	}
	if r.w.tell != nil && len(told) > 0 {
		r.w.tell(told)
	}
}

// tellOver are the holds that are over.
func (r *report) tellOver() (told []HoldChange) {
	for _, e := range r.over {
		one := HoldChange{Hold: Hold{Service: e.Key.Name}, Outcome: e.Outcome, Held: e.Held}
		if e.Entry != (catalog.EntryKey{}) {
			one.Hold = Hold{Service: e.Entry.Name, Entry: e.Entry.String()}
			if e.Entry.Kind == catalog.ProxyDefaults {
				one.Service = ""
			}
		}
		told = append(told, HoldChange{Hold: r.w.here(one.Hold), Outcome: one.Outcome, Held: one.Held})
	}
	return told
}

// holdsOf are the holds that there are now, in the order of compareHolds.
func holdsOf(g *guard.State) (all []Hold) {
	for _, h := range g.Holds() {
		one := Hold{Service: h.Key.Name, Why: string(h.Why), Kept: h.Kept, Served: h.Served, Deselected: h.Deselected, Since: h.Since, Until: h.Until, Remedy: holdRemedy}
		switch {
		case h.Why == guard.DatacenterLost || h.Why == guard.CatalogShrunk:
			one.Remedy = massRemedy
		case one.Deselected > 0:
			one.Remedy = tagsRemedy
		}
		all = append(all, one)
	}
	for _, h := range g.HeldEntries() {
		one := Hold{Service: h.Key.Name, Entry: h.Key.String(), Why: string(h.Why), Since: h.Since, Until: h.Until, Remedy: entryRemedy}
		if h.Key.Kind == catalog.ProxyDefaults {
			one.Service = ""
		}
		switch h.Why {
		case guard.DatacenterLost:
			one.Remedy = massRemedy
		case guard.EntryHidden:
			one.Remedy = hiddenRemedy
		case guard.EntryReverted:
			one.Remedy = revertedRemedy
		}
		all = append(all, one)
	}
	return all
}

// compareHolds orders services by name, and then entries by kind and name.
func compareHolds(a, b Hold) int {
	return cmp.Or(cmp.Compare(a.Entry, b.Entry), cmp.Compare(a.Service, b.Service))
}

// logHolds tells of losses that are held, and of those that are held for another reason now.
func (r *report) logHolds(fresh []Hold, now time.Time) {
	for _, h := range fresh {
		if !r.lines.held.line(h.Why, now) {
			continue
		}
		level := slog.LevelInfo
		switch guard.Reason(h.Why) {
		case guard.DatacenterLost, guard.EntryHidden, guard.EntryReverted:
			level = slog.LevelWarn // somebody should look
		}
		r.w.log.Log(context.Background(), level, "a loss is held until it is sure", attrsOf(h)...)
	}
}

func attrsOf(h Hold) []any {
	switch {
	case h.Entry == "":
		return []any{"service", h.Service, "why", h.Why, "kept", h.Kept, "deselected", h.Deselected, "until", h.Until.Format(time.RFC3339), "remedy", h.Remedy}
	case h.Until.IsZero():
		return []any{"entry", h.Entry, "why", h.Why, "remedy", h.Remedy}
	}
	return []any{"entry", h.Entry, "why", h.Why, "until", h.Until.Format(time.RFC3339), "remedy", h.Remedy}
}

// logOver tells of holds that are over.
func (r *report) logOver(now time.Time) {
	for _, e := range r.over {
		if r.lines.over.line(e.Outcome, now) {
			what := []any{"service", e.Key.Name}
			if e.Entry != (catalog.EntryKey{}) {
				what = []any{"entry", e.Entry.String()}
			}
			r.w.log.Info("a hold is over", append(what, "outcome", e.Outcome, "held_seconds", e.Held.Seconds())...)
		}
	}
	r.over = nil
}

// deselected tells of instances that are served no longer, because their tags do not select them any more.
// gone are all that are served no longer.
func (r *report) deselected(s *service, gone []catalog.Instance, tags []string, now time.Time) {
	n := len(catalog.Common(gone, s.past.Reading.Service.Instances))
	if n > 0 && r.lines.deselected.line("tags", now) {
		r.w.log.Info("instances lost the tags that select them, and are served no longer", "service", s.Key.Name,
			"deselected", n, "left", len(s.selected.Service.Instances), "tags", tags)
	}
}

// missed tells of a service whose blocking query did not show a change.
func (r *report) missed(s *service, now time.Time) {
	r.w.metrics.Reread("different")
	if r.lines.missed.line("missed", now) {
		r.w.log.Info("reading a service again shows what its watch did not, starting the watch anew", "service", s.Key.Name)
	}
}

// refused tells of a service for which Consul does not answer.
func (r *report) refused(s *service, served bool, err error, now time.Time) {
	if r.lines.refused.line("refused", now) {
		r.w.log.Warn(refusedText, "service", s.Key.Name, "served_as_last_known", served, "error", err, "remedy", refusedRemedy)
	}
}

// sumUp tells of all that had no line of its own.
func (r *report) sumUp(tags []string, now time.Time) {
	if by, n := r.lines.held.sum(now); n > 0 {
		r.w.log.Warn("losses of many services are held until they are sure", "more", n, "why", fmt.Sprint(by),
			"held", len(r.holds), "see", "legate holds list", "remedy", r.w.remedyHere(massRemedy))
	}
	if by, n := r.lines.over.sum(now); n > 0 {
		r.w.log.Info("many holds are over", "more", n, "outcomes", fmt.Sprint(by), "held", len(r.holds))
	}
	if _, n := r.lines.deselected.sum(now); n > 0 {
		r.w.log.Info("instances of many services lost the tags that select them, and are served no longer", "more", n, "tags", tags)
	}
	if _, n := r.lines.refused.sum(now); n > 0 {
		r.w.log.Warn("consul lists many services and refuses to answer for them, going on with all others", "more", n, "remedy", refusedRemedy)
	}
	if _, n := r.lines.missed.sum(now); n > 0 {
		r.w.log.Info("reading many services again shows what their watches did not, starting these anew", "more", n)
	}
}
