package lastknown

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"legate/discovery/catalog"
	"legate/metrics"
)

// Config says where the file is and when it counts.
type Config struct {
	// Dir is the folder of the file; empty: nothing is kept. Each Legate needs its own.
	Dir string
	// MaxAge is how old a catalog may be that is served in Consul's place.
	MaxAge time.Duration
	// Grace is how long Consul is waited for at the start before the file is served.
	Grace time.Duration
	// Every is the shortest time between two writes.
	Every time.Duration
	// Scope is what Legate serves. Its Datacenter may be empty: Consul's agent knows it.
	Scope Scope
}

// DefaultConfig keeps nothing, until it is told where.
func DefaultConfig() Config {
	return Config{MaxAge: 24 * time.Hour, Grace: 3 * time.Second, Every: 5 * time.Second}
}

// fileName is the file's name in Config.Dir.
const fileName = "last-known-catalog"

// refreshEvery is how often the file's date is renewed while Consul confirms what it says.
const refreshEvery = 10 * time.Minute

// Consul says how Consul stands, as far as a Shelf needs to know.
type Consul struct {
	Datacenter  string    // that is watched; empty until known
	LastSuccess time.Time // when a query was last answered and believed; zero: never
	// Problem is what is wrong with Consul, and Remedy what a person can do about it; empty: nothing is
	// known to be wrong.
	Problem string
	Remedy  string
}

// Shelf is where the last known catalog stands. Its methods may be called concurrently.
type Shelf struct {
	config  Config
	path    string // empty: off
	log     *slog.Logger
	metrics *metrics.LastKnown
	disk    disk

	header   Header // of known
	known    catalog.Catalog
	keeper   *keeper
	rescoped chan struct{} // holds one
	hosts    func() map[string][]netip.Addr
	moved    <-chan struct{} // hosts says something else; nil: never

	mu    sync.Mutex
	scope Scope
	state state
}

// New makes a Shelf; it starts nothing. The metrics may be nil.
func New(config Config, log *slog.Logger, m *metrics.LastKnown) *Shelf {
	s := &Shelf{config: config, scope: config.Scope, log: log, metrics: m, disk: system{}, rescoped: make(chan struct{}, 1)}
	s.keeper = &keeper{every: config.Every, refresh: refreshEvery, hangs: s.hangs, wake: make(chan struct{}, 1)}
	s.hosts = s.Hosts
	if config.Dir != "" {
		s.path = filepath.Join(config.Dir, fileName)
	}
	return s
}

// Hosts are what host names stood for according to the file that was loaded.
func (s *Shelf) Hosts() map[string][]netip.Addr { return s.header.Hosts }

// KeepHosts says who knows what host names stand for when the file is written, and what tells that
// it is something else now. It is called before Run; without it, what the loaded file says is kept.
func (s *Shelf) KeepHosts(now func() map[string][]netip.Addr, moved <-chan struct{}) {
	s.hosts, s.moved = now, moved
}

// Load reads the file, before Run. It returns what Consul was last believed to say, nil if there
// is nothing that can be relied on; the log says why. The catalog must not be changed.
func (s *Shelf) Load() catalog.Catalog {
	if s.path == "" {
		return nil
	}
	if err := prepare(s.path); err != nil {
		s.log.Warn("folder of the last known catalog cannot be used, going on without", "folder", s.config.Dir, "error", err, "remedy", writeRemedy(err))
	}
	s.guard()
	h, c, err := load(s.path, s.config.Scope, s.config.MaxAge, time.Now())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.log.Info("no last known catalog yet", "file", s.path)
	case err != nil:
		s.log.Warn("last known catalog cannot be used, going on without", "file", s.path, "error", err)
		s.change(func(st *state) { st.unusable = err.Error() })
	default:
		s.log.Info("last known catalog is at hand", "file", s.path, "datacenter", h.Scope.Datacenter,
			"services", len(c), age(h.Believed, time.Now()))
		s.header, s.known = h, c
		s.metrics.Believed(h.Believed)
	}
	return s.known
}

// Rescope says that another selection of services is watched from now on. What is served from the
// file is narrowed at once, and the file is written anew, or Legate would not use it when it starts
// the next time.
func (s *Shelf) Rescope(scope Scope) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.scope.Equal(scope) {
		return
	}
	s.scope = scope
	select {
	case s.rescoped <- struct{}{}:
	default: // it is known already that it has changed
	}
}

func (s *Shelf) scopeNow() Scope {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.scope
}
