package watch

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/metrics"
)

// Queries are all questions that are kept open to one Consul.
type Queries struct {
	cfg     Config
	client  *consul.Client
	apart   time.Duration // between two odd answers that must agree
	log     *slog.Logger
	metrics *metrics.Consul
	held    func() bool               // asked by the canary: is a loss held now?
	wanted  func(service string) bool // does somebody ask for it?
	events  chan Event
	loops   sync.WaitGroup

	reads      chan struct{} // a place for each answer that is asked for without waiting
	firstReads firstReads
	outages    *outages
	record     *record
	filtered   *filteredAnswers
	access     *entryAccess
	selection  atomic.Pointer[catalog.Selection] // what of an answer counts

	listing   restarter     // the question for the list
	listIndex atomic.Uint64 // of the last believed answer to it

	entries map[string]*restarter // the questions for config entries, by kind; the map does not change

	// The caller's goroutine's.
	services map[string]*Service // by name
	dirty    bool                // services came or went since schedule
	capacity uint64              // the client's CapacityChanges at schedule
	warned   bool                // that connections are short
	lru      lru

	ring    pollRing
	watched atomic.Int64 // services with a blocking query of their own
	polled  atomic.Int64 // the others
}

// New asks nothing yet. confirm is the least time between two odd answers of the leader that must agree.
// held says whether a loss is held now, and may be called from any goroutine.
func New(cfg Config, client *consul.Client, confirm time.Duration, held func() bool, log *slog.Logger, m *metrics.Consul) *Queries {
	q := &Queries{
		cfg: cfg, client: client, apart: confirm, log: log, metrics: m, held: held,
		wanted:     func(string) bool { return true },
		events:     make(chan Event),
		reads:      make(chan struct{}, cfg.FirstReads),
		firstReads: newFirstReads(),
		outages:    newOutages(log),
		record:     newRecord(),
		filtered:   &filteredAnswers{log: log, in: map[string]struct{}{}},
		access:     &entryAccess{log: log, kinds: map[string]error{}},
		entries:    map[string]*restarter{},
		services:   map[string]*Service{},
		lru:        newLRU(),
		ring:       newPollRing(),
	}
	for _, kind := range cfg.Kinds() {
		q.entries[kind] = &restarter{}
	}
	return q
}

// Prefer tells which services somebody asks for, so that blocking queries, where they are short, go to
// these. It is called before Run; wanted must not block.
func (q *Queries) Prefer(wanted func(service string) bool) { q.wanted = wanted }

// Select says what of an answer counts. It may be called from any goroutine.
func (q *Queries) Select(s catalog.Selection) { q.selection.Store(&s) }

// Run asks until use returns, which is given the events, and then joins all that was started. It is
// called once.
func (q *Queries) Run(ctx context.Context, use func(ctx context.Context, events <-chan Event)) {
	ctx, cancel := context.WithCancel(ctx)
	defer q.loops.Wait()
	defer cancel()
	q.loops.Go(func() { q.watchList(ctx) })
	for kind := range q.entries {
		q.loops.Go(func() { q.watchEntries(ctx, kind) })
	}
	q.loops.Go(func() { q.sweep(ctx) })
	if q.client.HasChecks() {
		q.loops.Go(func() { q.signals(ctx) })
	}
	for range urgentReaders {
		q.loops.Go(func() { q.readUrgent(ctx) })
	}
	if q.cfg.Canary > 0 {
		q.loops.Go(func() { q.canary(ctx) })
	}
	use(ctx, q.events)
}

// acquire waits for one of the places for reads that Consul answers at once. A question that waits for
// a change needs none, and neither does the canary, which must not wait behind those that it
// watches over.
func (q *Queries) acquire(ctx context.Context, how consul.Question) (release func(), err error) {
	if how.Index > 0 {
		return func() {}, nil
	}
	select {
	case q.reads <- struct{}{}:
		return func() { <-q.reads }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx) // what the wait was ended for, such as no answer in time
	}
}
