package discovery

import (
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// Status is a snapshot of a Watcher, for people and probes. It never holds a token.
type Status struct {
	Address    string `json:"address"`
	Datacenter string `json:"datacenter"` // empty until known
	// Connected is true while no query fails.
	Connected   bool      `json:"connected"`
	LastSuccess time.Time `json:"last_success,omitzero"`
	LastError   string    `json:"last_error,omitempty"` // stays after it was overcome
	LastErrorAt time.Time `json:"last_error_at,omitzero"`

	// Complete is true from the first complete read on, for ever.
	Complete  bool     `json:"complete"`
	FirstSync Progress `json:"first_sync"`

	// Selection is what is served of it.
	Selection catalog.Selection `json:"selection,omitzero"`
	Services  int               `json:"services"` // in the catalog as last believed
	// Listed are the selected services that Consul lists, if only those are followed that somebody wants; else 0.
	Listed    int            `json:"listed,omitempty"`
	Instances map[string]int `json:"instances"` // by health
	Entries   map[string]int `json:"entries"`   // Consul's config entries, by kind; no kinds: they are not watched
	Index     uint64         `json:"index"`     // of the last believed list of services
	Held      int            `json:"held"`      // services, and config entries, of which a loss is not believed yet

	Direct int `json:"direct"` // listed services with a blocking query of their own
	Swept  int `json:"swept"`  // listed services that are read in turn, and when a signal names them
	// Mode is direct (each service has a blocking query), signals (some have, and signals name
	// what changes among the others) or sweep (there are no signals, the others are read in turn).
	Mode           string `json:"mode"`
	HTTP2          bool   `json:"http2"`
	Connections    int    `json:"connections"` // open now
	MaxConnections int    `json:"max_connections"`

	Problems []catalog.Problem `json:"problems,omitempty"` // oldest first

	// Sites are the other sites that are followed, in order.
	Sites []SiteStatus `json:"sites,omitempty"`
}

// State says in a word or two how Consul answers.
func (s Status) State() string {
	if s.Connected {
		return "answers"
	}
	said := "not asked yet"
	for _, p := range s.Problems {
		switch consul.Failure(p.Kind) {
		case consul.Unreachable, consul.Timeout:
			return "does not answer"
		case consul.WaitCut:
			said = "answers, and is cut off"
		case consul.Denied, consul.Busy, consul.Refused:
			said = "answers, and refuses"
		case consul.Unavailable:
			said = "answers, and is in trouble"
		case consul.Garbage, consul.Doubtful, consul.Filtered, consul.Foreign:
			said = "answers, and is not believed"
		}
	}
	return said
}

// Progress counts services: read, of those listed.
type Progress struct {
	Done  int `json:"done"`
	Total int `json:"total"`
}

// Status may be called at any time, from any goroutine.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	s := w.status
	w.mu.Unlock()
	if w.want != nil {
		s.Listed = w.interests.size()
	}
	q := w.queries.Status()
	s.Connected, s.LastSuccess, s.LastError, s.LastErrorAt = q.Connected, q.LastSuccess, q.LastError, q.LastErrorAt
	s.Direct, s.Swept, s.Mode, s.Problems = q.Direct, q.Swept, q.Mode, q.Problems
	w.mu.Lock()
	holds := w.holds
	for _, p := range []*catalog.Problem{w.mass, w.unread, w.refused} {
		if p != nil {
			s.Problems = append(s.Problems, *p)
		}
	}
	w.mu.Unlock()
	describeHolds(holds, &s)
	s.Held = len(holds)
	s.Problems = slices.Concat(s.Problems, w.queries.Standing(), w.client.Problems())
	s.Connections, s.HTTP2 = w.client.Connections()
	return s
}

// Datacenter is the one that is watched; empty until known. It is fast.
func (w *Watcher) Datacenter() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status.Datacenter
}

func (w *Watcher) setDatacenter(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.Datacenter = name
	w.metrics.Datacenter(name)
}

func (w *Watcher) setSelection(s catalog.Selection) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.Selection = s
}

func (w *Watcher) setMass(p *catalog.Problem) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mass = p
}

func (w *Watcher) setIndex(index uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.Index = index
}
