package xdsserver

import (
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
)

// What clients have Legate hold is counted in one place, whatever it is, and bounded: all of it
// together by the budget, and what one address has of it by half of that. Counted is the memory that
// something takes, not the bytes that it has on the wire. What is not counted is small, or does not
// depend on clients: the catalog and its resources are there for all.

// held is a kind of what is counted.
type held int

const (
	heldConnections held = iota // connections and streams, whatever is said on them
	heldRequests                // what is being received, and requests that are worked on
	heldNames                   // names that streams ask for and Consul does not have
	heldResponses               // what streams were sent, until it is taken in and answered
	heldAnswers                 // answers to single requests, until they are taken in
	heldKinds
)

func (k held) String() string {
	return [heldKinds]string{"connections", "requests", "names", "responses", "answers"}[k]
}

// What a connection and a stream take by themselves, in bytes: objects and stacks, with TLS and without. A test
// compares that with what the runtime shows.
const (
	connectionBytes = 24 << 10
	streamBytes     = 20 << 10
)

// budget is what clients may have Legate hold.
type budget struct {
	most  int64
	total atomic.Int64
	kinds [heldKinds]struct {
		bytes   atomic.Int64
		refused atomic.Uint64
	}
	told func(kind string) // hears of each refusal
}

// share is what an address has of the budget. It may be nil: then nothing is counted for any address.
type share struct{ bytes atomic.Int64 }

// take counts so many bytes more for an address, or says why it cannot have them.
func (b *budget) take(s *share, k held, bytes int) error {
	n := int64(bytes)
	if b.total.Add(n) <= b.most {
		if s == nil || s.bytes.Add(n) <= (b.most+1)/2 {
			b.kinds[k].bytes.Add(n)
			return nil
		}
		s.bytes.Add(-n)
	}
	b.total.Add(-n)
	b.kinds[k].refused.Add(1)
	b.told(k.String())
	return excessf(limitMemory, codes.ResourceExhausted, 5*time.Second,
		"look in legate_xds_held_bytes what takes so much, and at the clients that have it; raise --memory-budget if there is memory to spare, or run another Legate beside this one",
		"clients have Legate hold as much as they may, which is %d bytes, and half of that for one address; come again later", b.most)
}

// force counts what is there already, whoever may have it.
func (b *budget) force(s *share, k held, bytes int) {
	b.total.Add(int64(bytes))
	b.kinds[k].bytes.Add(int64(bytes))
	if s != nil {
		s.bytes.Add(int64(bytes))
	}
}

// give counts out what was taken.
func (b *budget) give(s *share, k held, bytes int) { b.force(s, k, -bytes) }

// Memory is what clients have Legate hold, in bytes.
type Memory struct {
	Budget int64  `json:"budget"`
	Held   int64  `json:"held"`
	Kinds  []Held `json:"kinds"`
}

// Held is a part of it: connections, requests, names, responses, answers.
type Held struct {
	Kind    string `json:"kind"`
	Bytes   int64  `json:"bytes"`
	Refused uint64 `json:"refused"` // how often the budget was too small for more
}

// Memory says what clients have Legate hold.
func (s *Server) Memory() Memory {
	b := s.admission.budget
	m := Memory{Budget: b.most, Held: b.total.Load()}
	for k := range heldKinds {
		m.Kinds = append(m.Kinds, Held{k.String(), b.kinds[k].bytes.Load(), b.kinds[k].refused.Load()})
	}
	return m
}

// heldOf is what is held of a kind, for its metric.
func (s *Server) heldOf(kind string) int64 {
	for k := range heldKinds {
		if k.String() == kind {
			return s.admission.budget.kinds[k].bytes.Load()
		}
	}
	return 0
}

// named says how many bytes the names have that there are, and how many names: what a client can have to say of
// them in its first message is each name twice, and its version.
func (a *admission) named(bytes, names int) {
	const beside = 64 // bytes of the version, and what surrounds it
	first := int64(a.limits.NodeBytes + firstBytes + 2*bytes + beside*names)
	if first > a.first.Load() { // clients may still have what there is no more
		a.first.Store(first)
	}
}
