package watch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// askList and askService are the two questions, with the places kept.
func (q *Queries) askList(ctx context.Context, how consul.Question) (consul.Listing, consul.Reply, error) {
	release, err := q.acquire(ctx, how)
	if err != nil {
		return nil, consul.Reply{}, err
	}
	defer release()
	return q.client.Services(ctx, how)
}

func (q *Queries) askService(ctx context.Context, key catalog.ServiceKey, how consul.Question) (consul.Reading, consul.Reply, error) {
	release, err := q.acquire(ctx, how)
	if err != nil {
		return consul.Reading{}, consul.Reply{}, err
	}
	defer release()
	return q.client.Health(ctx, key, how)
}

func (q *Queries) listQuery() *query[consul.Listing] {
	return &query[consul.Listing]{
		name:    "catalog",
		about:   "the list of services",
		apart:   q.apart,
		ask:     q.askList,
		equal:   func(a, b consul.Listing) bool { return maps.EqualFunc(a, b, slices.Equal[[]string]) },
		weigh:   func(l consul.Listing) int { return len(l) },
		judge:   judgeList,
		partial: q.cfg.FilteredExpected,
		metrics: q.metrics,
		record:  q.record,
	}
}

func (q *Queries) serviceQuery(key catalog.ServiceKey) *query[consul.Reading] {
	return &query[consul.Reading]{
		name:  "services",
		about: fmt.Sprintf("service %q", key.Name),
		apart: q.apart,
		ask: func(ctx context.Context, how consul.Question) (consul.Reading, consul.Reply, error) {
			return q.askService(ctx, key, how)
		},
		equal: consul.Reading.Equal,
		weigh: func(r consul.Reading) int { // tags that are lost count like instances that are gone
			return len(q.selection.Load().Instances(r.Service.Instances)) + r.Others
		},
		judge:   judge,
		partial: q.cfg.FilteredExpected,
		witness: q.listIsThere,
		metrics: q.metrics,
		record:  q.record,
	}
}

var errListEmpty = errors.New("the list of services is empty too")

// listIsThere is the witness for a service that looks empty.
func (q *Queries) listIsThere(ctx context.Context) error {
	l, _, err := q.askList(ctx, consul.Question{Consistent: true})
	if err == nil && len(l) == 0 {
		err = fmt.Errorf("%w: %w", notBelieved{doubt: hidden}, errListEmpty)
	}
	return err
}

// refusedAlone is the error of a question that is refused because of the name in it: the same about
// another name is answered.
type refusedAlone struct{ error }

func (e refusedAlone) Unwrap() error { return e.error }

// ask asks a question. If it is refused, ask finds out whether the name in it is the cause: it is, if
// another question is answered, and this one is refused once more after that. With known, the name is the
// cause already, and that is not tried again.
func ask[T any](ctx context.Context, about *query[T], block, known bool, another func(ctx context.Context) error) (answer[T], error) {
	got, err := about.next(ctx, block)
	if !consul.IsRefusal(err) {
		return got, err
	}
	if !known {
		if another(ctx) != nil {
			return got, err
		}
		if got, err = about.next(ctx, false); !consul.IsRefusal(err) {
			return got, err
		}
	}
	return got, refusedAlone{err}
}

// ask asks a question about a service. The other question is the same about Consul's own service.
func (q *Queries) ask(ctx context.Context, key catalog.ServiceKey, about *query[consul.Reading], block, known bool) (answer[consul.Reading], error) {
	return ask(ctx, about, block, known, func(ctx context.Context) error {
		own := catalog.ServiceKey{Datacenter: key.Datacenter, Name: catalog.ConsulService}
		_, _, err := q.askService(ctx, own, consul.Question{Consistent: true})
		return err
	})
}

// failed reports a question about a service that failed: as trouble with its name alone, or with Consul.
func (q *Queries) failed(loop string, s *Service, err error) {
	if alone := (refusedAlone{}); errors.As(err, &alone) {
		q.outages.forget(loop, time.Now())
		q.tell(s.ctx, Refused{Service: s, Err: alone.error, At: time.Now()})
		return
	}
	q.outages.failed(loop, err, time.Now())
}
