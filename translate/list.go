package translate

import (
	"iter"
	"slices"
	"time"

	"legate/discovery/catalog"
)

// Listed is a service of the catalog, for lists. Each method costs what it looks at, so that a list of many
// services computes what it shows or sorts by, and no more.
type Listed struct {
	name  string
	s     *service
	cells []*cell // of the service and of its ports
}

// Services yields the services of the own datacenter, whether they are served or not, and, if they are served by their
// names with where they are, those of other datacenters and of peers: sorted by where they are, then by name.
func (r Resources) Services() iter.Seq[Listed] {
	return func(yield func(Listed) bool) {
		home := r.inputs.home
		cells := slices.Collect(r.cells.all()) // sorted by service, as the services are
		for s := range r.inputs.services.all() {
			for len(cells) > 0 && cells[0].unit.service.Compare(s.Key) < 0 {
				cells = cells[1:] // of one that is elsewhere only
			}
			n := 0
			for n < len(cells) && cells[n].unit.service == s.Key {
				n++
			}
			at := s.Key.Site()
			elsewhere := n > 0 && (at.Peer == "" || at.Datacenter == home.Datacenter) // peers of others have no names here
			if (at == home || elsewhere) && !yield(Listed{home.NameOf(s.Key), s, cells[:n]}) {
				return
			}
			cells = cells[n:]
		}
	}
}

// Name is the name of its cluster.
func (l Listed) Name() string { return l.name }

// Instances is how many instances it has.
func (l Listed) Instances() int { return len(l.s.Instances) }

// Health is how many instances it has of each health.
func (l Listed) Health() (n [catalog.Maintenance + 1]int) {
	for i := range l.s.Instances {
		n[l.s.Instances[i].Health]++
	}
	return n
}

// Problems is how many problems the service and its ports have.
func (l Listed) Problems() (n int) {
	for _, c := range l.cells {
		n += len(c.problems)
	}
	return n
}

// Served reports whether there is a cluster of its name, and since when it is as it is: the time when Consul
// gave the answer by which it, or the cluster of a port, last changed; zero if that is unknown.
func (l Listed) Served() (changed time.Time, served bool) {
	for _, c := range l.cells {
		if len(c.resources) > 0 {
			served = served || c.unit == c.unit.itself()
			if c.since.After(changed) {
				changed = c.since
			}
		}
	}
	return changed, served
}
