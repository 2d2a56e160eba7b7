package xdsserver

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"legate/translate"
)

// An Envoy that gets its clusters outside of ADS may take clusters that it can follow nowhere: it
// says nothing then and lets them warm for ever. Incrementally it does so where the source that they
// name is not a cluster of its own; over REST, where it has no ADS. It shows in what such an Envoy does
// not do: it asks nowhere for endpoints.

// Unfollowed is a client that takes clusters and asks nowhere for their endpoints.
type Unfollowed struct {
	Node   string    `json:"node"`
	Peer   string    `json:"peer"` // over REST without its port
	Way    string    `json:"way"`  // in which it gets clusters: sotw, delta or rest
	Since  time.Time `json:"since"`
	Remedy string    `json:"remedy"`
}

// followWithin is how long a client may have clusters and not ask for their endpoints. Envoy asks
// at once.
const followWithin = 30 * time.Second

const (
	overREST = "rest"

	useADSBesideREST = `this Envoy polls clusters over REST and asks nowhere for their endpoints, which come over ADS: give it an ads_config, ` +
		`or clusters of its own that get their endpoints over REST, as "legate bootstrap envoy --mode rest" writes them`
)

// Unfollowed lists the clients that take clusters and ask nowhere for their endpoints.
func (s *Server) Unfollowed() []Unfollowed { return s.unfollowedAt(time.Now()) }

func (s *Server) unfollowedAt(now time.Time) []Unfollowed {
	if !s.hasAssignments() {
		return nil
	}
	asking := map[nodeKey]bool{} // for endpoints, in whatever way
	var all []Unfollowed
	var of []nodeKey
	c := s.callbacks
	c.mu.RLock()
	for _, r := range c.streams {
		key, u, took := r.following(now)
		if took {
			all, of = append(all, u), append(of, key)
		}
		if r.asksFor(translate.AssignmentType) {
			asking[key] = true
		}
	}
	c.mu.RUnlock()
	for key, p := range s.polls.lately(now) {
		switch {
		case !p.endpoints.IsZero():
			asking[key] = true
		case p.clusters > 1 && now.Sub(p.first) >= followWithin:
			all = append(all, Unfollowed{Node: sane(key.id), Peer: key.identity, Way: overREST, Since: p.first, Remedy: useADSBesideREST})
			of = append(of, key)
		}
	}
	var lost []Unfollowed
	for i, u := range all {
		if !asking[of[i]] {
			lost = append(lost, u)
		}
	}
	slices.SortFunc(lost, func(a, b Unfollowed) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Node, b.Node)) })
	return lost
}

// hasAssignments says whether there are endpoints to ask for: clusters that Envoy resolves by itself
// have none here.
func (s *Server) hasAssignments() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, st := range s.stores {
		if st.sizes()[translate.AssignmentType] > 0 {
			return true
		}
	}
	return false
}

// following says which node a stream is of, and whether it is one for clusters only that took some
// long enough ago. One that rejects them is told of elsewhere.
func (r *streamRecord) following(now time.Time) (key nodeKey, u Unfollowed, took bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key = nodeKey{r.address, r.id}
	if r.only != translate.ClusterType || now.Sub(r.opened) < followWithin {
		return key, u, false
	}
	u = Unfollowed{Node: sane(r.id), Peer: r.peer, Way: r.stream.Protocol, Since: r.opened, Remedy: useADS}
	if sourceName(r.node) != "" {
		u.Remedy = nameCluster
	}
	for _, t := range r.types {
		took = took || t.typeURL == translate.ClusterType && t.ack > 0 && t.state() != Nacked
	}
	return key, u, took
}

func (r *streamRecord) asksFor(typeURL string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.types, func(t *typeRecord) bool { return t.typeURL == typeURL })
}

// polls are the nodes that ask with single requests. A node is known by its address and its id.
type polls struct {
	mu sync.Mutex
	of map[nodeKey]poll
}

// poll is what a node has asked for of late.
type poll struct {
	clusters    int       // requests for them
	first, last time.Time // of all requests
	endpoints   time.Time // the last request for them; zero: none
}

// maxPolls bounds the nodes that are kept; pollStays is for how long after their last request.
const (
	maxPolls  = 1000
	pollStays = 5 * time.Minute
)

// note keeps a request that was answered. Where there are too many nodes a new one is not kept.
func (p *polls) note(address, node, typeURL string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := nodeKey{address, node}
	one, known := p.of[key]
	if !known {
		if len(p.of) >= maxPolls {
			p.forget(now)
		}
		if len(p.of) >= maxPolls {
			return
		}
		one.first = now
	}
	one.last = now
	if typeURL == translate.ClusterType {
		one.clusters++
	} else {
		one.endpoints = now
	}
	p.of[key] = one
}

// lately are the nodes that are kept still.
func (p *polls) lately(now time.Time) map[nodeKey]poll {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(now)
	return maps.Clone(p.of)
}

// forget needs the lock.
func (p *polls) forget(now time.Time) {
	for key, one := range p.of {
		if now.Sub(one.last) > pollStays {
			delete(p.of, key)
		}
	}
}
