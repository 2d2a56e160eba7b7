package xdsserver

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/types/known/anypb"

	"legate/xdsserver/admission"
)

// body is what a response delivers: its resources, encoded. It does not depend on the stream: streams that
// are owed the same at the same time share one. It is never changed.
type body struct {
	entries []*entry // all that are in it, by name
	removed []string // of those of which there is nothing
	encoded mem.BufferSlice
	size    int                     // bytes of all that on the wire
	charge  *admission.Charge       // for the memory that it takes beside its resources, which all streams share
	own     int                     // bytes that were made for it alone
	around  *atomic.Pointer[[]byte] // what surrounds its resources in each response that has them
	parts   []body                  // as which it is sent, if it is too large for one response

	// The same for callbacks, as the protocol has it.
	resources []*discoveryv3.Resource
	anys      []*anypb.Any
}

// The memory that a resource takes in a response, in bytes: an entry, a message and up to two buffers; in a merged body
// an entry and a message.
const (
	resourceBytes = 112
	joinedBytes   = 24
)

// bodies is the cache of the bodies that were made since the table changed last. When one is used again, it
// is merged into a single buffer: a response of a thousand buffers costs gRPC several times what one buffer
// of the same size does. A body that is used once is not worth the copy.
type bodies struct {
	mu   sync.Mutex
	seq  uint64 // of the table
	made map[bodyKey]*body
}

// bodyKey identifies the contents of a body. Ids are random, so the sum of them tells sets apart.
type bodyKey struct {
	delta bool
	count int
	sum   uint64
}

// maxBodies bounds how many bodies are kept.
const maxBodies = 16

// of appends the body with these entries as the stream gets them: several bodies, if one would have more
// bytes than most. If most is 0 it is not split. It needs the store's lock for reading.
func (p *bodies) of(to []body, t *table, delta bool, entries []*entry, s *subscription, most int) []body {
	key := bodyKey{delta: delta, count: len(entries)}
	for _, e := range entries {
		key.sum += s.servedID(e)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.made == nil || p.seq != t.seq {
		p.seq, p.made = t.seq, map[bodyKey]*body{}
	}
	made := p.made[key]
	switch {
	case made != nil:
		made.merge()
	default:
		made = newBody(delta, entries, s)
		made.split(delta, s, most)
		if len(p.made) < maxBodies && made.own == 0 { // else it would stay when nobody needs it
			p.made[key] = made
		}
	}
	if len(made.parts) > 0 {
		return append(to, made.parts...)
	}
	return append(to, *made)
}

func newBody(delta bool, entries []*entry, s *subscription) *body {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, byName)
	p := &body{entries: entries, around: &atomic.Pointer[[]byte]{}}
	var prefixes []byte
	for _, e := range entries {
		res := s.served(e)
		if e.res == nil && e.empty == nil && res != nil { // it was made for this
			p.own += 2 * len(res.field)
		}
		p.size += sizeIn(delta, e.name, res)
		switch {
		case res == nil && delta:
			p.removed = append(p.removed, e.name)
		case res == nil: // state of the world cannot say that there is none
		case delta:
			p.resources = append(p.resources, res.message)
			p.encoded = append(p.encoded, mem.SliceBuffer(res.field))
		default:
			p.anys = append(p.anys, res.message.GetResource())
			start := len(prefixes)
			prefixes = appendLength(prefixes, responseResources, len(res.field)-res.any)
			p.encoded = append(p.encoded, mem.SliceBuffer(prefixes[start:len(prefixes):len(prefixes)]), mem.SliceBuffer(res.field[res.any:]))
		}
	}
	p.charge = admission.NewCharge(admission.HeldResponses, p.own+resourceBytes*len(entries))
	return p
}

// sizeIn returns how many bytes a resource takes in a response, or the news that a name has none.
func sizeIn(delta bool, name string, res *resource) int {
	switch {
	case res == nil && delta:
		return sizeOfField(deltaRemoved, len(name))
	case res == nil:
		return 0
	case delta:
		return len(res.field)
	}
	return sizeOfField(responseResources, len(res.field)-res.any)
}

// surrounded is what a response with this body has beside its resources and its nonce. A body has the
// same version for as long as it is kept.
func (p *body) surrounded(version, typeURL string, identity []byte) []byte {
	if made := p.around.Load(); made != nil {
		return *made
	}
	made := surround(version, typeURL, p.removed, identity)
	p.around.Store(&made)
	return made
}

// split divides a body that has more bytes than most into parts, unless it has one resource only.
func (p *body) split(delta bool, s *subscription, most int) {
	if most == 0 || p.size <= most || len(p.entries) == 1 {
		return
	}
	from, size := 0, 0
	for i, e := range p.entries {
		more := sizeIn(delta, e.name, s.served(e))
		if size+more > most && i > from {
			p.parts = append(p.parts, *newBody(delta, p.entries[from:i], s))
			from, size = i, 0
		}
		size += more
	}
	p.parts = append(p.parts, *newBody(delta, p.entries[from:], s))
	p.encoded, p.resources, p.anys, p.removed = nil, nil, nil, nil
}

// merge makes one buffer of a body, or of each of its parts.
func (p *body) merge() {
	for i := range p.parts {
		p.parts[i].merge()
	}
	if len(p.encoded) > 1 {
		p.encoded = mem.BufferSlice{mem.SliceBuffer(p.encoded.Materialize())}
		p.charge = admission.NewCharge(admission.HeldResponses, p.size+joinedBytes*len(p.entries)) // those that have it as it was go on with that
	}
}

func byName(a, b *entry) int { return strings.Compare(a.name, b.name) }

func sameName(a, b *entry) bool { return a.name == b.name }

func namesOf(entries []*entry) []string {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.name
	}
	return names
}
