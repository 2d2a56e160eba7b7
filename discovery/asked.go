package discovery

import (
	"maps"
	"slices"
	"time"

	"legate/discovery/consul"
	"legate/discovery/watch"
)

// Asked says how Consul is asked, and what becomes of the questions, for people. Its lists are bounded. It costs more
// than Status.
type Asked struct {
	Pool    consul.Pool `json:"pool"`
	Watches Watches     `json:"watches"`
	watch.Asked
	// Refused are the first of the services for whose names Consul refuses to answer, by name.
	Refused []RefusedName `json:"refused_names"`
}

// Watches counts what is watched, by how.
type Watches struct {
	// Blocking queries: for the list of services, for kinds of config entries, for services (direct), and for all
	// checks, if they signal what changes among the services that are swept.
	List    int `json:"list"`
	Entries int `json:"entries"`
	Direct  int `json:"direct"`
	Signals int `json:"signals"`
	// Swept are services that are read in turn. A round takes so many seconds.
	Swept int     `json:"swept"`
	Round float64 `json:"sweep_round_seconds"`
}

// RefusedName is a service for whose name Consul refuses to answer. What was known of it stays.
type RefusedName struct {
	Name   string    `json:"name"`
	Since  time.Time `json:"since"`
	Detail string    `json:"detail"`
	Remedy string    `json:"remedy"`
}

// maxRefused is how many refused names are listed.
const maxRefused = 50

// Asked may be called at any time, from any goroutine.
func (w *Watcher) Asked() Asked {
	q := w.queries.Status()
	a := Asked{Pool: w.client.Pool(), Asked: w.queries.Asked(), Watches: Watches{Direct: q.Direct, Swept: q.Swept}}
	select {
	case <-w.begun:
		a.Watches.List, a.Watches.Entries = 1, len(w.cfg.Watch.Kinds())
	default: // nothing is watched before the datacenter is known
	}
	if q.Mode == "signals" {
		a.Watches.Signals = 1
	}
	if q.Swept > 0 {
		a.Watches.Round = w.queries.Round().Seconds()
	}
	w.mu.Lock()
	a.Refused = append([]RefusedName{}, w.refusedNames...)
	w.mu.Unlock()
	return a
}

// sortedRefused are the services whose names are refused, by name.
func (all *services) sortedRefused() []*service {
	return slices.SortedFunc(maps.Keys(all.refused), func(a, b *service) int { return a.Key.Compare(b.Key) })
}

// refusedNames are the first of them.
func (all *services) refusedNames() (names []RefusedName) {
	sorted := all.sortedRefused()
	for _, s := range sorted[:min(len(sorted), maxRefused)] {
		r := all.refused[s]
		names = append(names, RefusedName{Name: s.Key.Name, Since: r.At, Detail: r.Err.Error(), Remedy: refusedRemedy})
	}
	return names
}
