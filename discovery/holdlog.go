package discovery

import (
	"fmt"
	"log/slog"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/guard"
)

// What the log says of losses. Each has a line, and where they are many, sums over time.

// logHolds tells of losses that are held, and of those that are held for another reason now.
func (o *owner) logHolds(fresh []Hold, now time.Time) {
	for _, h := range fresh {
		if !o.lines.held.line(h.Why, now) {
			continue
		}
		level := slog.LevelInfo
		if h.Why == string(guard.DatacenterLost) {
			level = slog.LevelWarn // somebody should look
		}
		o.w.log.Log(o.ctx, level, "a loss is held until it is sure", "service", h.Service, "why", h.Why,
			"kept", h.Kept, "deselected", h.Deselected, "until", h.Until.Format(time.RFC3339), "remedy", h.Remedy)
	}
}

// logOver tells of holds that are over.
func (o *owner) logOver(now time.Time) {
	for _, e := range o.over {
		if o.lines.over.line(e.Outcome, now) {
			o.w.log.Info("a hold is over", "service", e.Key.Name, "outcome", e.Outcome, "held_seconds", e.Held.Seconds())
		}
	}
	o.over = nil
}

// logDeselected tells of instances that are served no longer, because their tags do not select
// them any more.
func (o *owner) logDeselected(f *followed, before []catalog.Instance, now time.Time) {
	gone := catalog.Lacking(before, o.catalog[f.key].Instances)
	n := len(gone) - len(catalog.Lacking(gone, f.said.Service.Instances))
	if n > 0 && o.lines.deselected.line("tags", now) {
		o.w.log.Info("instances lost the tags that select them, and are served no longer", "service", f.key.Name,
			"deselected", n, "left", len(f.truth.Service.Instances), "tags", o.selection.Tags)
	}
}

// sumUp tells of all that had no line of its own.
func (o *owner) sumUp(now time.Time) {
	if by, n := o.lines.held.sum(now); n > 0 {
		o.w.log.Warn("losses of many services are held until they are sure", "more", n, "why", fmt.Sprint(by),
			"held", len(o.shown), "see", "legate holds list", "remedy", massRemedy)
	}
	if by, n := o.lines.over.sum(now); n > 0 {
		o.w.log.Info("many holds are over", "more", n, "outcomes", fmt.Sprint(by), "held", len(o.shown))
	}
	if _, n := o.lines.deselected.sum(now); n > 0 {
		o.w.log.Info("instances of many services lost the tags that select them, and are served no longer", "more", n, "tags", o.selection.Tags)
	}
	if _, n := o.lines.refused.sum(now); n > 0 {
		o.w.log.Warn("consul lists many services and refuses to answer for them, going on with all others", "more", n, "remedy", refusedRemedy)
	}
	if _, n := o.lines.missed.sum(now); n > 0 {
		o.w.log.Info("reading many services again shows what their watches did not, starting these anew", "more", n)
	}
}
