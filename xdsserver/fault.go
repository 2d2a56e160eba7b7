package xdsserver

import (
	"cmp"
	"context"
	"slices"
	"time"

	"legate/translate"
)

// If several clients reject the same version of a resource and none has accepted it, the resource is at
// fault rather than a client. Legate reports that; it does not change what anybody is sent (see
// quarantine.go). Clients are told apart by the name in their certificate, or by their address without
// one, since a client can choose any node id. The report ends when these clients are gone, when some client
// accepts the version, and when the resource changes.

// severalClients is how many have to reject a state.
const severalClients = 2

// lookAtFaults is how often Legate looks for such resources.
const lookAtFaults = time.Second

// Quarantine is a resource that several clients reject and none has accepted. It is not sent to
// those; who has not seen it is offered it.
type Quarantine struct {
	Type    string    `json:"type"` // URL
	Name    string    `json:"name"`
	Version string    `json:"version"`           // the one that is rejected
	Serving string    `json:"serving,omitempty"` // the one that they get instead; empty: they keep what they have
	Nodes   []string  `json:"nodes"`             // that reject it: some, if they are many
	Clients []string  `json:"clients"`           // the names in their certificates, else their addresses; some
	Reason  string    `json:"reason"`            // what the last of them said
	Since   time.Time `json:"since"`
}

// objection is what a stream's client has against a state of a resource.
type objection struct {
	rejection
	of           translate.Name
	node, client string
	store        *store
}

// objections are those of all open streams, the oldest first.
func (c *callbacks) objections() (all []objection) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, rec := range c.streams {
		all = append(all, rec.objections()...)
	}
	slices.SortFunc(all, func(a, b objection) int {
		return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.node, b.node))
	})
	return all
}

func (r *streamRecord) objections() (all []objection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.types {
		for name, alone := range t.quarantined {
			all = append(all, objection{
				rejection: alone, of: translate.Name{Type: t.typeURL, Name: name},
				node: sane(r.id), client: sane(cmp.Or(r.identity, r.address)), store: r.store,
			})
		}
	}
	return all
}

// faults returns the resources of the store that are at fault, sorted by type and name.
func (s *store) faults(objections []objection) []Quarantine {
	found := map[translate.Name]*Quarantine{}
	s.mu.RLock()
	for _, o := range objections {
		if o.store != s || !s.table(o.of.Type).stands(o) {
			continue
		}
		q := found[o.of]
		if q == nil {
			q = &Quarantine{Type: o.of.Type, Name: o.of.Name, Version: o.version, Since: o.since}
			found[o.of] = q
		}
		q.add(o)
	}
	s.mu.RUnlock()
	var list []Quarantine
	for _, q := range found {
		if len(q.Clients) >= severalClients {
			list = append(list, *q)
		}
	}
	slices.SortFunc(list, func(a, b Quarantine) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// stands reports whether an objection is to the present version, which nobody has accepted. It needs the
// lock for reading.
func (t *table) stands(o objection) bool {
	if t == nil {
		return false
	}
	e := t.entries[o.of.Name]
	return e != nil && e.res != nil && e.res.version == o.version && !t.isAccepted(e)
}

func (q *Quarantine) add(o objection) {
	q.Reason = o.why // the list has the last one last
	if o.instead != nil {
		q.Serving = o.instead.version
	}
	for _, list := range []struct {
		to  *[]string
		one string
	}{{&q.Nodes, o.node}, {&q.Clients, o.client}} {
		if len(*list.to) < fewNames && !slices.Contains(*list.to, list.one) {
			*list.to = append(*list.to, list.one)
			slices.Sort(*list.to)
		}
	}
}

// watchFaults updates the metric, and logs new faults, until the context is done.
func (s *Server) watchFaults(ctx context.Context) {
	tick := time.NewTicker(lookAtFaults)
	defer tick.Stop()
	said := map[fault]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			said = s.sayFaults(said)
		}
	}
}

// fault is a state of a resource that is at fault.
type fault struct{ view, typeURL, name, version string }

// sayFaults counts the faults, logs those that were not logged before, and returns all that stand now.
func (s *Server) sayFaults(said map[fault]bool) map[fault]bool {
	if s.rejecting.Load() == 0 && len(said) == 0 {
		return said
	}
	now, count := map[fault]bool{}, map[string]int{}
	for _, typeURL := range typeURLs() {
		count[typeURL] = 0
	}
	for _, v := range s.Views() {
		for _, q := range v.Quarantined {
			count[q.Type]++
			key := fault{v.View.String(), q.Type, q.Name, q.Version}
			if now[key] = true; !said[key] {
				s.repeats.add("several clients reject a resource and none accepts it, they keep what they had", q.Type, q.Name, q.Nodes[0], q.Reason,
					"change the service in Consul so that Envoy can use it")
			}
		}
	}
	for typeURL, n := range count {
		s.metrics.Quarantined(typeURL, n)
	}
	return now
}
