package xdsserver

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// An Envoy that gets its clusters outside of ADS may accept clusters whose endpoints it can get nowhere. It
// reports no error then, and the clusters stay warming for ever. Over incremental xDS that happens if the
// source in them is no cluster of its bootstrap, over REST if it has no ADS. Such an Envoy is recognised by
// what it does not do: it never asks for endpoints.

// Unfollowed is a client that takes clusters and never asks for their endpoints.
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

// Unfollowed lists the clients that take clusters and never ask for their endpoints.
func (s *Server) Unfollowed() []Unfollowed { return s.unfollowedAt(time.Now()) }

// unfollowedOver counts those that get their clusters in a way, for its metric.
func (s *Server) unfollowedOver(way string) (n int) {
	for _, u := range s.Unfollowed() {
		if u.Way == way {
			n++
		}
	}
	return n
}

func (s *Server) unfollowedAt(now time.Time) []Unfollowed {
	asking := map[question]bool{} // in whatever way
	suspects := map[question][]Unfollowed{}
	suspect := func(key nodeKey, t *resourceType, u Unfollowed) {
		if s.serves(t.brings) {
			q := question{key, t.brings}
			suspects[q] = append(suspects[q], u)
		}
	}
	c := s.callbacks
	c.mu.RLock()
	for _, r := range c.streams {
		key, asked := r.asked()
		for _, typeURL := range asked {
			asking[question{key, typeURL}] = true
		}
		if t, u, took := r.following(now); took {
			suspect(key, t, u)
		}
	}
	c.mu.RUnlock()
	for key, p := range s.polls.lately(now) {
		for typeURL, of := range p.asked {
			asking[question{key, typeURL}] = true
			if t := typeOf(typeURL); t.brings != "" && of.times > 1 && now.Sub(p.first) >= followWithin {
				suspect(key, t, Unfollowed{Node: sane(key.id), Peer: key.address, Way: overREST, Since: p.first, Remedy: useADSBesideREST})
			}
		}
	}
	var lost []Unfollowed
	for q, all := range suspects {
		if !asking[q] {
			lost = append(lost, all...)
		}
	}
	slices.SortFunc(lost, func(a, b Unfollowed) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Node, b.Node)) })
	return lost
}

// nodeKey is a node as clients name it. An id alone says little: any client can choose it.
type nodeKey struct{ address, id string }

// question is that a node asks for a type.
type question struct {
	node    nodeKey
	typeURL string
}

// serves reports whether there are resources of a type to ask for. If Envoy resolves all clusters by
// itself, there are no endpoints.
func (s *Server) serves(typeURL string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, st := range s.stores {
		if st.sizes()[typeURL] > 0 {
			return true
		}
	}
	return false
}

// asked says which node a stream is of, and for which types it asks.
func (r *streamRecord) asked() (key nodeKey, typeURLs []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.types {
		typeURLs = append(typeURLs, t.typeURL)
	}
	return nodeKey{r.address, r.id}, typeURLs
}

// following reports whether a stream is for a single type that brings another along, and took some of it
// long enough ago. Clients that reject resources are reported elsewhere.
func (r *streamRecord) following(now time.Time) (t *resourceType, u Unfollowed, took bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t = typeOf(r.only)
	if t == nil || t.brings == "" || now.Sub(r.opened) < followWithin {
		return t, u, false
	}
	u = Unfollowed{Node: sane(r.id), Peer: r.peer, Way: r.stream.Protocol, Since: r.opened, Remedy: useADS}
	if sourceName(r.node) != "" {
		u.Remedy = nameCluster
	}
	for _, of := range r.types {
		took = took || of.typeURL == r.only && of.ack > 0 && of.state() != Nacked
	}
	return t, u, took
}

// polls remembers the nodes that send single requests. A node is known by its address and its id.
type polls struct {
	mu sync.Mutex
	of map[nodeKey]poll
}

// poll is what a node has asked for lately.
type poll struct {
	first, last time.Time
	asked       map[string]polled // by type URL
}

// maxPolls bounds the nodes that are kept; pollStays is for how long after their last request.
const (
	maxPolls  = 1000
	pollStays = 5 * time.Minute
)

// note remembers a request that was answered. If there are too many nodes, a new one is not remembered.
func (p *polls) note(address, node, typeURL string, unchanged bool, now time.Time) {
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
		one = poll{first: now, asked: map[string]polled{}}
	}
	one.last = now
	one.asked[typeURL] = one.asked[typeURL].noted(unchanged, now)
	p.of[key] = one
}

// lately returns the nodes that are still remembered.
func (p *polls) lately(now time.Time) map[nodeKey]poll {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(now)
	kept := make(map[nodeKey]poll, len(p.of))
	for key, one := range p.of {
		one.asked = maps.Clone(one.asked)
		kept[key] = one
	}
	return kept
}

// forget drops the nodes that have not asked for some time. It needs the lock.
func (p *polls) forget(now time.Time) {
	for key, one := range p.of {
		if now.Sub(one.last) > pollStays {
			delete(p.of, key)
		}
	}
}
