package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/metrics"
)

// Watcher follows the services of one Consul datacenter.
type Watcher struct {
	cfg      Config
	log      *slog.Logger
	metrics  *metrics.Consul
	consul   *consul.Client
	trouble  *trouble
	hidden   *hidden
	reads    chan struct{} // a place for each answer that is asked for without waiting
	rotation rotation
	opening  opening
	wanted   func(service string) bool
	events   chan event
	begun    chan struct{}   // closed when events are taken
	seed     catalog.Catalog // believed before the start
	listing  afresh          // the question for the list
	// listIndex is that of the last believed answer to it.
	listIndex atomic.Uint64

	selections chan catalog.Selection            // has room for one
	policies   chan string                       // for masses that turn critical; has room for one
	selection  atomic.Pointer[catalog.Selection] // the one that the owner applied last
	loops      sync.WaitGroup

	mu      sync.Mutex
	status  Status
	holds   []Hold
	mass    *catalog.Problem
	unread  *catalog.Problem
	refused *catalog.Problem
}

// New checks the configuration and reads the files it names. It does not connect. The logger
// and the metrics may be nil.
func New(cfg Config, log *slog.Logger, m *metrics.Consul) (*Watcher, error) {
	return newWatcher(cfg, log, m, nil)
}

func newWatcher(cfg Config, log *slog.Logger, m *metrics.Consul, rt http.RoundTripper) (*Watcher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	warnOfConsul(cfg.Selection(), log)
	c, err := consul.New(cfg.Consul, log, rt)
	if err != nil {
		return nil, err
	}
	w := &Watcher{
		cfg:      cfg,
		log:      log,
		metrics:  m,
		consul:   c,
		trouble:  newTrouble(log),
		hidden:   &hidden{log: log, in: map[string]struct{}{}},
		reads:    make(chan struct{}, cfg.FirstReads),
		rotation: newRotation(),
		opening:  newOpening(),
		wanted:   func(string) bool { return true },
		events:   make(chan event),
		begun:    make(chan struct{}),

		selections: make(chan catalog.Selection, 1),
		policies:   make(chan string, 1),
		status:     Status{Address: c.Address(), Datacenter: cfg.Consul.Datacenter, MaxConnections: cfg.Consul.MaxConnections},
	}
	selection := cfg.Selection()
	w.selection.Store(&selection)
	return w, nil
}

// Run watches until ctx ends, and then returns nil, with all that it started at an end. It may
// be called once. The first Delta on out is complete; an empty catalog gives an empty one. While
// Consul is away it keeps trying. An error means that trying again cannot help: Consul refuses
// what the Config asks for.
func (w *Watcher) Run(ctx context.Context, out chan<- catalog.Delta) error {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		w.loops.Wait()
		w.consul.Close()
	}()
	datacenter, err := w.datacenter(ctx)
	if err != nil || ctx.Err() != nil {
		return err
	}
	w.consul.SetDatacenter(datacenter) // an agent of another one asks there, or fails, but does not answer for itself
	w.loops.Go(func() { w.list(ctx) })
	w.loops.Go(func() { w.sweep(ctx) })
	w.loops.Go(func() { w.signals(ctx) })
	for range hurriers {
		w.loops.Go(func() { w.hurry(ctx) })
	}
	if w.cfg.Canary > 0 {
		w.loops.Go(func() { w.canary(ctx) })
	}
	close(w.begun)
	newOwner(w, datacenter).run(ctx, out)
	return nil
}

// datacenter is the configured one, or asks for the agent's until there is an answer.
func (w *Watcher) datacenter(ctx context.Context) (string, error) {
	const loop = "agent"
	if w.cfg.Consul.Datacenter != "" {
		return w.cfg.Consul.Datacenter, nil
	}
	pause := w.backoff()
	for {
		if ctx.Err() != nil {
			return "", nil
		}
		name, err := w.consul.AgentDatacenter(ctx)
		if err == nil {
			w.trouble.answered(loop, time.Now())
			w.setDatacenter(name)
			return name, nil
		}
		if ctx.Err() != nil {
			return "", nil
		}
		kind := consul.FailureOf(err)
		if seeded := w.seeded(); (kind == consul.Denied || kind == consul.Refused) && seeded != "" { // what was known ends with nothing
			w.log.Warn("consul's agent does not tell its datacenter, taking that of the last known catalog",
				"datacenter", seeded, "error", err, "remedy", consul.RemedyOf(err))
			w.setDatacenter(seeded)
			return seeded, nil
		}
		switch kind {
		case consul.Denied:
			return "", err
		case consul.Refused:
			return "", withRemedy(err)
		}
		w.trouble.failed(loop, err, time.Now())
		if away := kind == consul.Unreachable || kind == consul.Timeout || kind == consul.Unavailable; away && w.cfg.Canary > 0 {
			sleep(ctx, probeMin+rand.N(probeMax-probeMin)) // as the canary does, that comes later
			continue
		}
		w.rest(ctx, &pause)
	}
}

// backoff starts a row of pauses.
func (w *Watcher) backoff() backoff { return backoff{min: w.cfg.BackoffMin, max: w.cfg.BackoffMax} }

// restAfter is rest, but for an answer that is believed if it is the same later: then it is asked for.
func (w *Watcher) restAfter(ctx context.Context, err error, pause *backoff) {
	if until := untilOf(err); !until.IsZero() {
		sleep(ctx, time.Until(until))
		return
	}
	w.rest(ctx, pause)
}

// rest waits for the next pause to end or ctx. It ends early when another loop found Consul well
// again, but not before a pause drawn from the shortest has passed: nobody rushes in. Who fails
// even so begins with short pauses again: a Consul that has just come back refuses some.
func (w *Watcher) rest(ctx context.Context, pause *backoff) {
	recovery := w.trouble.recovery()
	first, whole := w.backoff(), pause.next()
	least := min(whole, first.next())
	if !sleep(ctx, least) {
		return
	}
	select {
	case <-ctx.Done():
	case <-recovery:
		pause.reset()
	case <-time.After(whole - least):
	}
}

// sleep reports whether the pause ended before ctx did.
func sleep(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

// place waits for one of the places for reads that Consul answers at once. A question that
// waits for a change needs none, and neither does the canary, which must not wait behind those
// that it watches over.
func (w *Watcher) place(ctx context.Context, q consul.Question) (leave func(), err error) {
	if q.Index > 0 {
		return func() {}, nil
	}
	select {
	case w.reads <- struct{}{}:
		return func() { <-w.reads }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx) // what the wait was ended for, such as no answer in time
	}
}

// askServices and askHealth are the two questions, with the places kept.
func (w *Watcher) askServices(ctx context.Context, q consul.Question) (consul.Listing, consul.Reply, error) {
	leave, err := w.place(ctx, q)
	if err != nil {
		return nil, consul.Reply{}, err
	}
	defer leave()
	return w.consul.Services(ctx, q)
}

func (w *Watcher) askHealth(ctx context.Context, key catalog.ServiceKey, q consul.Question) (consul.Reading, consul.Reply, error) {
	leave, err := w.place(ctx, q)
	if err != nil {
		return consul.Reading{}, consul.Reply{}, err
	}
	defer leave()
	return w.consul.Health(ctx, key, q)
}

func (w *Watcher) listQuery() *query[consul.Listing] {
	return &query[consul.Listing]{
		name:    "catalog",
		about:   "the list of services",
		apart:   w.cfg.Guard.Confirm,
		ask:     w.askServices,
		equal:   func(a, b consul.Listing) bool { return maps.EqualFunc(a, b, slices.Equal[[]string]) },
		weigh:   func(l consul.Listing) int { return len(l) },
		judge:   judgeList,
		partial: w.cfg.FilteredExpected,
		metrics: w.metrics,
	}
}

func (w *Watcher) serviceQuery(key catalog.ServiceKey) *query[consul.Reading] {
	return &query[consul.Reading]{
		name:  "services",
		about: fmt.Sprintf("service %q", key.Name),
		apart: w.cfg.Guard.Confirm,
		ask: func(ctx context.Context, q consul.Question) (consul.Reading, consul.Reply, error) {
			return w.askHealth(ctx, key, q)
		},
		equal: consul.Reading.Equal,
		weigh: func(r consul.Reading) int { // tags that are lost count like instances that are gone
			return len(w.selection.Load().Instances(r.Service.Instances)) + r.Others
		},
		judge:   judge,
		partial: w.cfg.FilteredExpected,
		witness: w.listIsThere,
		metrics: w.metrics,
	}
}

var errListEmpty = errors.New("the list of services is empty too")

// listIsThere is the witness for a service that looks empty.
func (w *Watcher) listIsThere(ctx context.Context) error {
	l, _, err := w.askServices(ctx, consul.Question{Consistent: true})
	if err == nil && len(l) == 0 {
		err = fmt.Errorf("%w: %w", notBelieved{doubt: hiding}, errListEmpty)
	}
	return err
}
