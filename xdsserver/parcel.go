package xdsserver

import (
	"slices"
	"strings"
	"sync"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/types/known/anypb"
)

// parcel is what one response delivers. It does not depend on the stream: all that are owed the
// same at the same time share one. It is never changed.
type parcel struct {
	entries []*entry // all that are in it, by name
	removed []string // of those of which there is nothing
	encoded mem.BufferSlice

	// The same for callbacks, as the protocol has it.
	resources []*discoveryv3.Resource
	anys      []*anypb.Any
}

// parcels are those that were made since the table changed last. A set of resources that is asked
// for again is joined into one buffer: a response of a thousand buffers costs gRPC several times
// what one of the same size does. One that is asked for once is not worth the copy.
type parcels struct {
	mu   sync.Mutex
	seq  uint64 // of the table
	made map[parcelKey]*parcel
}

// parcelKey stands for the contents of a parcel: ids are random, so their sum tells sets apart.
type parcelKey struct {
	delta bool
	count int
	sum   uint64
}

// maxParcels bounds how many different sets are kept.
const maxParcels = 16

// of returns the parcel with the entries as the stream in the slot gets them. It needs the
// store's lock for reading.
func (p *parcels) of(t *table, delta bool, entries []*entry, slot int) parcel {
	key := parcelKey{delta: delta, count: len(entries)}
	for _, e := range entries {
		if res := e.served(slot); res != nil {
			key.sum += res.id
		} else {
			key.sum += ^e.id
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.made == nil || p.seq != t.seq {
		p.seq, p.made = t.seq, map[parcelKey]*parcel{}
	}
	if made := p.made[key]; made != nil {
		made.join()
		return *made
	}
	made := newParcel(delta, entries, slot)
	if len(p.made) < maxParcels {
		p.made[key] = made
	}
	return *made
}

func newParcel(delta bool, entries []*entry, slot int) *parcel {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, byName)
	p := &parcel{entries: entries}
	var prefixes []byte
	for _, e := range entries {
		res := e.served(slot)
		switch {
		case res == nil:
			p.removed = append(p.removed, e.name)
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
	return p
}

// join makes one buffer of all.
func (p *parcel) join() {
	if len(p.encoded) > 1 {
		p.encoded = mem.BufferSlice{mem.SliceBuffer(p.encoded.Materialize())}
	}
}

func byName(a, b *entry) int { return strings.Compare(a.name, b.name) }

func namesOf(entries []*entry) []string {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.name
	}
	return names
}
