package xdsserver

import (
	"cmp"
	"slices"
	"time"
)

// Poller is a node that sends single requests, over REST or as unary calls. What it holds is known only from what it
// says when it asks again.
type Poller struct {
	Node    string       `json:"node"`
	Address string       `json:"address"`
	First   time.Time    `json:"first"`
	Last    time.Time    `json:"last"` // request that was answered
	Types   []PolledType `json:"types"`
}

// PolledType is how far a poller is with a type.
type PolledType struct {
	Type     string    `json:"type"`     // URL
	State    State     `json:"state"`    // SYNCED: when it asked last, it had what it would have been sent; STALE: it was sent that
	Since    time.Time `json:"since"`    // when it came into that state
	Requests int       `json:"requests"` // that were answered
}

// polled is what is remembered of a node's requests for a type.
type polled struct {
	times int
	state State
	since time.Time
}

// noted is p after one more request, to which the answer was that nothing has changed, or not.
func (p polled) noted(unchanged bool, now time.Time) polled {
	state := Stale
	if unchanged {
		state = Synced
	}
	if p.times++; p.state != state {
		p.state, p.since = state, now
	}
	return p
}

// Pollers are the nodes that have sent single requests lately, by id and address. A node that has not asked for five
// minutes is forgotten, and not all are remembered if there are more than a thousand.
func (s *Server) Pollers() []Poller {
	all := []Poller{}
	for key, one := range s.polls.lately(time.Now()) {
		p := Poller{Node: sane(key.id), Address: key.address, First: one.first, Last: one.last}
		for typeURL, t := range one.asked {
			p.Types = append(p.Types, PolledType{typeURL, t.state, t.since, t.times})
		}
		slices.SortFunc(p.Types, func(a, b PolledType) int { return cmp.Compare(a.Type, b.Type) })
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Poller) int { return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Address, b.Address)) })
	return all
}
