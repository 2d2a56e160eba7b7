package watch

import (
	"context"
	"errors"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// ReadList reads the list of services once, consistently. An answer in doubt is asked for twice. It may
// be called from any goroutine.
func (q *Queries) ReadList(ctx context.Context) (consul.Listing, error) {
	list := q.listQuery()
	return surely(ctx, func() (answer[consul.Listing], error) { return list.next(ctx, false) })
}

// ReadService does so with a service. refused says that Consul refuses its name alone. It may be called
// from any goroutine.
func (q *Queries) ReadService(ctx context.Context, key catalog.ServiceKey) (said consul.Reading, refused bool, err error) {
	about := q.serviceQuery(key)
	said, err = surely(ctx, func() (answer[consul.Reading], error) { return q.ask(ctx, key, about, false, false) })
	return said, errors.As(err, &refusedAlone{}), err
}

// ReadEntries does so with the config entries of a kind. refused says that Consul does not tell that kind.
// What is hidden from the token is left out, and that is logged. It may be called from any goroutine.
func (q *Queries) ReadEntries(ctx context.Context, kind string) (entries []catalog.Entry, refused bool, err error) {
	got, err := ask(ctx, q.entriesQuery(kind), false, false, q.anotherAnswer)
	if err == nil {
		q.noteHidden(kind, got.reply.Filtered)
	}
	return got.value, errors.As(err, &refusedAlone{}), err
}

// surely asks again what is in doubt, when it is believed if it is the same.
func surely[T any](ctx context.Context, ask func() (answer[T], error)) (T, error) {
	for {
		got, err := ask()
		until := believedAt(err)
		if until.IsZero() || !sleep(ctx, time.Until(until)) {
			return got.value, err
		}
	}
}
