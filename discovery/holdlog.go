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
func (l *loop) logHolds(fresh []Hold, now time.Time) {
	for _, h := range fresh {
		if !l.lines.held.line(h.Why, now) {
			continue
		}
		level := slog.LevelInfo
		if h.Why == string(guard.DatacenterLost) {
			level = slog.LevelWarn // somebody should look
		}
		l.w.log.Log(l.ctx, level, "a loss is held until it is sure", "service", h.Service, "why", h.Why,
			"kept", h.Kept, "deselected", h.Deselected, "until", h.Until.Format(time.RFC3339), "remedy", h.Remedy)
	}
}

// logOver tells of holds that are over.
func (l *loop) logOver(now time.Time) {
	for _, e := range l.shown.over {
		if l.lines.over.line(e.Outcome, now) {
			l.w.log.Info("a hold is over", "service", e.Key.Name, "outcome", e.Outcome, "held_seconds", e.Held.Seconds())
		}
	}
	l.shown.over = nil
}

// logDeselected tells of instances that are served no longer, because their tags do not select
// them any more.
func (l *loop) logDeselected(s *service, before []catalog.Instance, now time.Time) {
	gone := catalog.Lacking(before, l.served.catalog[s.Key].Instances)
	n := len(gone) - len(catalog.Lacking(gone, s.past.Reading.Service.Instances))
	if n > 0 && l.lines.deselected.line("tags", now) {
		l.w.log.Info("instances lost the tags that select them, and are served no longer", "service", s.Key.Name,
			"deselected", n, "left", len(s.selected.Service.Instances), "tags", l.selection.Tags)
	}
}

// sumUp tells of all that had no line of its own.
func (l *loop) sumUp(now time.Time) {
	if by, n := l.lines.held.sum(now); n > 0 {
		l.w.log.Warn("losses of many services are held until they are sure", "more", n, "why", fmt.Sprint(by),
			"held", len(l.shown.holds), "see", "legate holds list", "remedy", massRemedy)
	}
	if by, n := l.lines.over.sum(now); n > 0 {
		l.w.log.Info("many holds are over", "more", n, "outcomes", fmt.Sprint(by), "held", len(l.shown.holds))
	}
	if _, n := l.lines.deselected.sum(now); n > 0 {
		l.w.log.Info("instances of many services lost the tags that select them, and are served no longer", "more", n, "tags", l.selection.Tags)
	}
	if _, n := l.lines.refused.sum(now); n > 0 {
		l.w.log.Warn("consul lists many services and refuses to answer for them, going on with all others", "more", n, "remedy", refusedRemedy)
	}
	if _, n := l.lines.missed.sum(now); n > 0 {
		l.w.log.Info("reading many services again shows what their watches did not, starting these anew", "more", n)
	}
}
