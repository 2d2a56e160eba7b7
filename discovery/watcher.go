package discovery

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/watch"
	"legate/metrics"
)

// Watcher follows the services of one site: of a Consul datacenter, or of one of its peers.
type Watcher struct {
	cfg     Config
	peer    string // empty: a datacenter
	other   bool   // it is another site than the agent's own datacenter
	log     *slog.Logger
	metrics *metrics.Consul
	client  *consul.Client
	queries *watch.Queries
	seed    catalog.Catalog // believed before the start
	tell    func([]HoldChange)

	begun      chan struct{}          // closed when the datacenter is known, and commands are taken
	ended      chan struct{}          // closed when they are not any more
	commands   chan func(l *loop)     // what the loop does between two events
	selections chan catalog.Selection // has room for one
	policies   chan string            // for masses that turn critical; has room for one

	want         func(catalog.ServiceKey) bool // what is followed of what is listed; nil: all
	reconsidered reconsidered
	interests    interests

	mu      sync.Mutex
	status  Status
	holds   []Hold
	mass    *catalog.Problem
	unread  *catalog.Problem
	refused *catalog.Problem

	refusedNames []RefusedName
}

// New checks the configuration and reads the files it names. It does not connect. The logger
// and the metrics may be nil.
func New(cfg Config, log *slog.Logger, m *metrics.Consul) (*Watcher, error) {
	return newWatcher(cfg, log, m, nil)
}

// newWatcher asks over rt, or over connections of its own if that is nil.
func newWatcher(cfg Config, log *slog.Logger, m *metrics.Consul, rt http.RoundTripper) (*Watcher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	warnOfConsul(cfg.Selection(), log)
	client, err := consul.New(cfg.Consul, log, rt)
	if err != nil {
		return nil, err
	}
	if !cfg.Watch.Entries {
		log.Info("consul's config entries are not watched: what they say of services does not count")
	}
	return watcherOf(cfg, client, log, m), nil
}

// at is a Watcher of another site that asks the same agent over the same connections. Config entries are
// watched in the own datacenter only: Consul has the same ones everywhere. It offers what it was seeded
// with before anything was read.
func (w *Watcher) at(site catalog.Site, cfg Config, m *metrics.Consul) (*Watcher, error) {
	client, err := w.client.At(site)
	if err != nil {
		return nil, err
	}
	cfg.Consul.Datacenter, cfg.Watch.Entries = site.Datacenter, false
	other := watcherOf(cfg, client, w.log.With("site", site.String()), m)
	other.peer, other.other = site.Peer, true
	return other, nil
}

// watcherOf asks with a client of its own.
func watcherOf(cfg Config, client *consul.Client, log *slog.Logger, m *metrics.Consul) *Watcher {
	w := &Watcher{
		cfg: cfg, log: log, metrics: m, client: client,
		begun:        make(chan struct{}),
		ended:        make(chan struct{}),
		commands:     make(chan func(*loop)),
		selections:   make(chan catalog.Selection, 1),
		policies:     make(chan string, 1),
		reconsidered: reconsidered{some: make(chan struct{}, 1), keys: map[catalog.ServiceKey]struct{}{}},
		interests:    interests{followed: map[string]Interest{}},
		status:       Status{Address: client.Address(), Datacenter: cfg.Consul.Datacenter, MaxConnections: cfg.Consul.MaxConnections, Entries: map[string]int{}, Selection: cfg.Selection()},
	}
	w.queries = watch.New(cfg.Watch, client, cfg.Guard.Confirm, w.holding, log, m)
	w.queries.Select(cfg.Selection())
	return w
}

// Prefer tells which services somebody asks for, so that blocking queries, where they are
// short, go to these. It is called before Run; wanted must not block.
func (w *Watcher) Prefer(wanted func(service string) bool) { w.queries.Prefer(wanted) }

// TellHolds has losses told that begin or end to be held, some at a time. It is called before Run; tell must not
// block.
func (w *Watcher) TellHolds(tell func([]HoldChange)) { w.tell = tell }

// Run watches until ctx ends, and then returns nil, with all that it started at an end. It may
// be called once. The first Delta on out is complete; an empty catalog gives an empty one. While
// Consul is away it keeps trying. An error means that trying again cannot help: Consul refuses
// what the Config asks for.
func (w *Watcher) Run(ctx context.Context, out chan<- catalog.Delta) error {
	defer w.client.Close()
	datacenter := w.cfg.Consul.Datacenter
	if datacenter == "" {
		var err error
		if datacenter, err = w.queries.Datacenter(ctx, w.seeded()); err != nil || ctx.Err() != nil {
			return err
		}
	}
	w.setDatacenter(datacenter)
	w.client.SetDatacenter(datacenter) // an agent of another one asks there, or fails, but does not answer for itself
	w.queries.Run(ctx, func(ctx context.Context, events <-chan watch.Event) {
		close(w.begun)
		defer close(w.ended)
		newLoop(w, w.queries, catalog.Site{Datacenter: datacenter, Peer: w.peer}, time.Now()).run(ctx, events, out)
	})
	return nil
}
