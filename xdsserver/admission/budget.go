package admission

import (
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
)

// All memory that Legate holds for clients is counted in one place. The budget bounds the sum, and half of the budget
// what one address has of it. Bytes are those in memory, not those on the wire. Memory that does not depend on clients
// is not counted: all of them share the catalog and its resources.

// Kind says what memory is held for.
type Kind int

// The kinds.
const (
	HeldConnections Kind = iota // connections and streams by themselves
	HeldRequests                // requests that arrive or are being handled
	HeldNames                   // names that streams ask for and Consul does not have
	HeldResponses               // responses to streams, until they are read and acknowledged
	HeldAnswers                 // answers to unary requests, until they are read
	kinds
)

func (k Kind) String() string {
	return [kinds]string{"connections", "requests", "names", "responses", "answers"}[k]
}

// The memory of a connection and of a stream by themselves, in bytes: objects and stacks, with TLS and without. A test
// compares both with what the runtime reports.
const (
	ConnectionBytes = 24 << 10
	StreamBytes     = 16 << 10
)

// StreamWindow is what a client may send on a stream while nobody reads it, in bytes: the HTTP/2 window of streams.
const StreamWindow = 64 << 10

// Budget bounds the memory that is held for clients. Its methods may be called concurrently.
type Budget struct {
	most  int64
	total atomic.Int64
	of    [kinds]struct {
		bytes   atomic.Int64
		refused atomic.Uint64
	}
	told func(kind string)
}

// NewBudget returns a budget of most bytes. told is called with the kind of each refusal.
func NewBudget(most int64, told func(kind string)) *Budget { return &Budget{most: most, told: told} }

// Share is the part of a budget that one address has. Its zero value is an empty one. A nil Share counts for no
// address.
type Share struct{ bytes atomic.Int64 }

// Bytes returns how much is held for the address.
func (s *Share) Bytes() int64 { return s.bytes.Load() }

// Take adds bytes to what is held for an address. If the budget has no room for them, nothing is added, and the error
// is an [*Error].
func (b *Budget) Take(s *Share, k Kind, bytes int) error {
	n := int64(bytes)
	if b.total.Add(n) <= b.most {
		if s == nil || s.bytes.Add(n) <= (b.most+1)/2 {
			b.of[k].bytes.Add(n)
			return nil
		}
		s.bytes.Add(-n)
	}
	b.total.Add(-n)
	b.of[k].refused.Add(1)
	b.told(k.String())
	return Refuse(LimitMemory, codes.ResourceExhausted, 5*time.Second,
		"look in legate_xds_held_bytes what takes so much, and at the clients that have it; raise --memory-budget if there is memory to spare, or run another Legate beside this one",
		"clients have Legate hold as much as they may, which is %d bytes, and half of that for one address; come again later", b.most)
}

// Force adds bytes that are held already, whether there is room for them or not.
func (b *Budget) Force(s *Share, k Kind, bytes int) {
	b.total.Add(int64(bytes))
	b.of[k].bytes.Add(int64(bytes))
	if s != nil {
		s.bytes.Add(int64(bytes))
	}
}

// Give undoes a Take or a Force.
func (b *Budget) Give(s *Share, k Kind, bytes int) { b.Force(s, k, -bytes) }

// Memory is what is held for clients, in bytes.
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

// Memory returns what is held now.
func (b *Budget) Memory() Memory {
	m := Memory{Budget: b.most, Held: b.total.Load()}
	for k := range kinds {
		m.Kinds = append(m.Kinds, Held{k.String(), b.of[k].bytes.Load(), b.of[k].refused.Load()})
	}
	return m
}

// Held returns how many bytes of a kind are held, by the kind's name in metrics.
func (b *Budget) Held(kind string) int64 {
	for k := range kinds {
		if k.String() == kind {
			return b.of[k].bytes.Load()
		}
	}
	return 0
}
