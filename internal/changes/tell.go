package changes

import (
	"context"
	"log/slog"
	"time"

	"legate/internal/logs"
)

// Trace has the lines of Tell carry the ids of the changes' traces. It is called before Tell.
func (r *Record) Trace(idOf func(ID) string) { r.traceID = idOf }

// Tell logs each change until the context is done: at info, with a line of its own, unless there are so many that they
// are summed up (see [logs.Sparse]). It reads the record as any reader does, so nothing waits for the log. A line is
// written when some client was sent the change, but a second later at most. sends may be nil.
func (r *Record) Tell(ctx context.Context, log *slog.Logger, sends Sends) {
	t := telling{log: log, traceID: r.traceID, sends: sends, services: map[string]struct{}{}}
	after := ID{}
	for ctx.Err() == nil {
		wait, cancel := ctx, context.CancelFunc(func() {})
		if due := t.sparse.Due(time.Now()); due >= 0 {
			wait, cancel = context.WithTimeout(ctx, due)
		}
		p := r.Wait(wait, after, Query{})
		cancel()
		sent := t.sent(ctx, p.Changes)
		for i := range p.Changes {
			t.tell(&p.Changes[i], sent[i])
		}
		if p.Missed && len(p.Changes) > 0 { // it was too slow for them
			t.missed += p.Changes[0].ID.Number - after.Number - 1
		}
		after = p.Next
		t.sum(false)
	}
	t.sum(true)
}

// telling is the state of Tell.
type telling struct {
	log      *slog.Logger
	traceID  func(ID) string // nil: there are none
	sends    Sends
	sparse   logs.Sparse
	services map[string]struct{} // of the changes that had no line; few of them
	missed   uint64              // changes that were gone before they were read
}

// maxTold is how many lines of a change are logged, and maxCounted how many services are told apart.
const (
	maxTold    = 5
	maxCounted = 10_000
)

func (t *telling) tell(c *Change, sent Send) {
	if !t.sparse.Line(time.Now()) {
		for _, s := range c.Services {
			if len(t.services) < maxCounted {
				t.services[s] = struct{}{}
			}
		}
		return
	}
	what := c.Texts()
	if extra := len(what) - maxTold; extra > 0 {
		what = append(what[:maxTold:maxTold], "and more: see legate changes")
	}
	attrs := []any{"kind", string(c.Kind), "service", c.Name()}
	if c.Kind == Service {
		attrs = append(attrs, "added", c.Added, "removed", c.Removed, "altered", c.Altered)
	}
	attrs = append(attrs, "what", what)
	if failing := c.failing(); len(failing) > 0 {
		attrs = append(attrs, "checks", failing)
	}
	if c.Index > 0 {
		attrs = append(attrs, "index", c.Index)
	}
	if !c.Answered.IsZero() && !c.Published.IsZero() {
		attrs = append(attrs, "seconds", c.Seconds())
	}
	if sent.Clients > 0 {
		attrs = append(attrs, "clients", sent.Clients)
	}
	if !sent.First.IsZero() {
		from := c.Answered
		if from.IsZero() {
			from = c.Published
		}
		attrs = append(attrs, "sent_seconds", max(0, sent.First.Sub(from).Seconds()))
	}
	attrs = append(attrs, "change", c.ID.String())
	if t.traceID != nil {
		attrs = append(attrs, "trace_id", t.traceID(c.ID))
	}
	t.log.Info("changed", attrs...)
}

// failing are the ids of the checks that the lines name as failing.
func (c *Change) failing() (ids []string) {
	for i := range c.Lines {
		if l := &c.Lines[i]; l.What == healthField {
			ids = append(ids, l.Checks...)
		}
	}
	return ids
}

// sum tells of the changes that had no line.
func (t *telling) sum(last bool) {
	n, in := t.sparse.Sum(time.Now(), last)
	if n == 0 {
		return
	}
	t.log.Info("and more has changed", "changes", uint64(n)+t.missed, "services", len(t.services), "seconds", in.Round(time.Millisecond).Seconds(), "see", "legate changes")
	clear(t.services)
	t.missed = 0
}
