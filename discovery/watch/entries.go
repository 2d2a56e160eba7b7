package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// entriesLoop names the query for a kind of config entries where failures are counted.
func entriesLoop(kind string) string { return kind + " entries" }

// Kinds are the kinds of config entries that are watched, each with a blocking query of its own.
func (c Config) Kinds() []string {
	if !c.Entries {
		return nil
	}
	return []string{catalog.ProxyDefaults, catalog.ServiceDefaults, catalog.ServiceResolver}
}

func (q *Queries) entriesQuery(kind string) *query[[]catalog.Entry] {
	return &query[[]catalog.Entry]{
		name:  "entries",
		about: fmt.Sprintf("config entries %q", kind),
		ask: func(ctx context.Context, how consul.Question) ([]catalog.Entry, consul.Reply, error) {
			release, err := q.acquire(ctx, how)
			if err != nil {
				return nil, consul.Reply{}, err
			}
			defer release()
			return q.client.Entries(ctx, kind, how)
		},
		equal:   func(a, b []catalog.Entry) bool { return slices.EqualFunc(a, b, catalog.Entry.Equal) },
		weigh:   func(all []catalog.Entry) int { return len(all) },
		judge:   judgeEntries,
		metrics: q.metrics,
		record:  q.record,
	}
}

// watchEntries follows the config entries of a kind.
func (q *Queries) watchEntries(ctx context.Context, kind string) {
	about, loop := q.entriesQuery(kind), entriesLoop(kind)
	pause, polling := q.backoff(), q.backoff()
	burst := rate.NewLimiter(burstRate, burstFirst)
	refused, anew := false, false
	for ctx.Err() == nil {
		asking, over := q.entries[kind].begin(ctx)
		if over {
			about.index, anew = 0, true // who had it read again may know otherwise: it is told, changed or not
		}
		got, err := ask(asking, about, true, refused, q.anotherAnswer)
		alone := refusedAlone{}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && restarted(asking):
			continue
		case errors.As(err, &alone):
			refused = true
			q.outages.forget(loop, time.Now())
			q.access.refused(kind, alone.error, time.Now())
			q.tell(ctx, EntriesRefused{Kind: kind})
			q.backOff(ctx, &pause)
			continue
		case err != nil:
			q.outages.failed(loop, err, time.Now())
			q.backOff(ctx, &pause)
			continue
		}
		refused = false
		q.outages.answered(loop, time.Now())
		q.noteHidden(kind, got.reply.Filtered)
		pause.reset()
		if got.changed || anew {
			anew = false
			q.tell(ctx, EntriesListed{Kind: kind, Entries: got.value, Reply: got.reply})
		}
		if !got.idle && about.doubts < 2 {
			polling.reset()
			if got.changed {
				_ = burst.Wait(ctx) // fails only if ctx ends
			}
			continue
		}
		// Consul, or something in front of it, does not wait, or goes back and forth: it is polled.
		polling.max = min(q.cfg.BackoffMax, pollEvery)
		q.backOff(ctx, &polling)
	}
}

// noteHidden notes whether policies hide a part of a kind from the token.
func (q *Queries) noteHidden(kind string, hidden bool) {
	if q.cfg.FilteredExpected {
		q.filtered.note(entriesLoop(kind), hidden, time.Now())
		hidden = false
	}
	q.access.answered(kind, hidden, time.Now())
}

// anotherAnswer asks for something else than config entries.
func (q *Queries) anotherAnswer(ctx context.Context) error {
	_, _, err := q.askList(ctx, consul.Question{Consistent: true})
	return err
}

// RereadEntries has a kind of config entries read from the start, consistently. The answer is told, also if
// it says the same as the last one.
func (q *Queries) RereadEntries(kind string) { q.entries[kind].restart() }

// CheckEntry asks the leader for an entry that the list lacks. The answer comes as [EntryChecked], also if
// there is none.
func (q *Queries) CheckEntry(ctx context.Context, key catalog.EntryKey) {
	q.loops.Go(func() {
		how := consul.Question{Consistent: true}
		c := EntryChecked{Key: key}
		release, err := q.acquire(ctx, how)
		if err == nil {
			c.Entry, c.Found, err = q.client.Entry(ctx, key, how)
			release()
		}
		c.Err, c.At = err, time.Now()
		q.tell(ctx, c)
	})
}
