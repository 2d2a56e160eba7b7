package translate

import (
	"iter"
	"time"

	"legate/discovery/catalog"
)

// Listed is a service of the catalog, for lists. Each method costs what it looks at, so that a list of many
// services computes what it shows or sorts by, and no more.
type Listed struct {
	r *Resources
	s *service
}

// Services yields the services of the own datacenter, sorted by name, whether they are served or not.
func (r Resources) Services() iter.Seq[Listed] {
	return func(yield func(Listed) bool) {
		home := catalog.ServiceKey{Datacenter: r.home}
		for s := range r.inputs.services.from(home) {
			if s.Key.Datacenter != home.Datacenter || s.Key.Peer != "" || !yield(Listed{&r, s}) {
				return
			}
		}
	}
}

// Name is its name in Consul.
func (l Listed) Name() string { return l.s.Key.Name }

// Instances is how many instances it has.
func (l Listed) Instances() int { return len(l.s.Instances) }

// Health is how many instances it has of each health.
func (l Listed) Health() (n [catalog.Maintenance + 1]int) {
	for i := range l.s.Instances {
		n[l.s.Instances[i].Health]++
	}
	return n
}

// Problems are those of the service and of its ports.
func (l Listed) Problems() []Problem { return l.r.problemsOf(l.s.Key) }

// Served reports whether there is a cluster of its name, and since when it is as it is: the time when Consul
// gave the answer by which it, or the cluster of a port, last changed; zero if that is unknown.
func (l Listed) Served() (changed time.Time, served bool) {
	for c := range l.r.cellsOf(l.s.Key) {
		if len(c.resources) > 0 {
			served = served || c.unit.port == ""
			if c.since.After(changed) {
				changed = c.since
			}
		}
	}
	return changed, served
}
