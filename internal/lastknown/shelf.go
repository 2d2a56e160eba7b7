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

// Config says where the file is and when it is used.
type Config struct {
	// Dir is the folder of the file; empty: nothing is written or read. Each Legate needs its own.
	Dir string
	// MaxAge is how old a catalog from the file may be when it is served.
	MaxAge time.Duration
	// Grace is how long a start waits for Consul before the file is served.
	Grace time.Duration
	// Every is the minimum interval between two writes.
	Every time.Duration
	// WithoutEntries is set if Consul's config entries are not watched: then those in the file are not
	// served either.
	WithoutEntries bool
	// Follows says which other sites than the own datacenter are followed; nil: none. The others' services
	// in the file are not served. own is the file's datacenter.
	Follows func(own string, at catalog.Site) bool
	// Scope is what Legate serves. Its Datacenter may be empty; then Consul's agent supplies it.
	Scope Scope
}

// DefaultConfig has no Dir, so it keeps nothing.
func DefaultConfig() Config {
	return Config{MaxAge: 24 * time.Hour, Grace: 3 * time.Second, Every: 5 * time.Second}
}

// fileName is the file's name in Config.Dir.
const fileName = "last-known-catalog"

// refreshEvery is how often the file's date is renewed while Consul confirms its content.
const refreshEvery = 10 * time.Minute

// Consul is the part of Consul's status that a Shelf needs.
type Consul struct {
	Datacenter  string    // the watched one; empty until known
	LastSuccess time.Time // when an answer was last believed; zero: never
	// Sites are when an answer was last believed of each other site that is followed; zero: never.
	Sites map[catalog.Site]time.Time
	// Problem is what is wrong with Consul, and Remedy what an operator can do about it. Both are
	// empty if no problem is known.
	Problem string
	Remedy  string
}

// Shelf keeps the last known catalog. Its methods may be called concurrently.
type Shelf struct {
	config  Config
	path    string // empty: off
	log     *slog.Logger
	metrics *metrics.LastKnown
	disk    disk

	header       Header          // of known
	known        catalog.Catalog // zero: none, or not needed any more
	newer        bool            // the file is of a newer version: it is kept under another name
	keeper       *keeper
	rescoped     chan struct{} // capacity 1
	hosts        func() map[string][]netip.Addr
	hostsChanged <-chan struct{} // signals that hosts has changed; nil: never

	mu    sync.Mutex
	scope Scope
	state state
}

// New makes a Shelf; it starts nothing. The metrics may be nil.
func New(config Config, log *slog.Logger, m *metrics.LastKnown) *Shelf {
	s := &Shelf{config: config, scope: config.Scope, log: log, metrics: m, disk: system{}, rescoped: make(chan struct{}, 1)}
	s.keeper = &keeper{every: config.Every, refresh: refreshEvery, hangs: s.reportHang, wake: make(chan struct{}, 1)}
	s.hosts = s.Hosts
	if config.Dir != "" {
		s.path = filepath.Join(config.Dir, fileName)
	}
	return s
}

// Hosts returns the addresses of host names in the file that was loaded.
func (s *Shelf) Hosts() map[string][]netip.Addr { return s.header.Hosts }

// KeepHosts sets the function that returns the addresses of host names when the file is written,
// and the channel that signals a change of them. It must be called before Run. Without it, the
// addresses from the loaded file are kept.
func (s *Shelf) KeepHosts(now func() map[string][]netip.Addr, changed <-chan struct{}) {
	s.hosts, s.hostsChanged = now, changed
}

// Load reads the file; it is called before Run. It returns the catalog that was last believed. If
// there is no usable one, it is empty and the log says why. The catalog must not be changed.
func (s *Shelf) Load() catalog.Catalog {
	if s.path == "" {
		return catalog.Catalog{}
	}
	if err := prepare(s.path); err != nil {
		s.log.Warn("folder of the last known catalog cannot be used, going on without", "folder", s.config.Dir, "error", err, "remedy", writeRemedy(err))
	}
	s.warnIfExposed()
	h, c, err := load(s.path, s.config.Scope, s.config.MaxAge, time.Now())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.log.Info("no last known catalog yet", "file", s.path)
	case err != nil:
		s.log.Warn("last known catalog cannot be used, going on without", "file", s.path, "error", err)
		s.change(func(st *state) { st.unusable = err.Error() })
		s.newer = errors.Is(err, errNewer)
	default:
		if s.config.WithoutEntries {
			clear(c.Entries)
		}
		s.leaveOut(&h, &c, time.Now())
		s.log.Info("last known catalog is at hand", "file", s.path, "datacenter", h.Scope.Datacenter,
			"services", len(c.Services), "entries", len(c.Entries), age(h.Believed, time.Now()))
		s.header, s.known = h, c
		s.metrics.Believed(h.Believed)
	}
	return s.known
}

// atHand says that there is a catalog from the file, and that it may be served.
func (s *Shelf) atHand() bool { return s.known.Services != nil }

// Rescope changes the selection of services that is watched. The catalog served from the file is
// narrowed at once. The file is written again for the new selection: the next start would reject
// one of another selection.
func (s *Shelf) Rescope(scope Scope) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.scope.Equal(scope) {
		return
	}
	s.scope = scope
	select {
	case s.rescoped <- struct{}{}:
	default: // a signal is already pending
	}
}

func (s *Shelf) scopeNow() Scope {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.scope
}
