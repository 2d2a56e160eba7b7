package policy

import (
	"strconv"

	"legate/discovery/catalog"
)

// Look returns a hash of all that [Policies.For] looks at in a service, but for its name: for two states of a
// service with the same hash it returns the same. Filters look at everything; without them, health, addresses
// and weights make no difference.
func (p *Policies) Look(s catalog.Service) uint64 {
	h := hash(offset)
	voters := s.Voters()
	for n := range voters {
		i := &voters[n]
		h.text(i.Node) // it orders registrations of one transaction, as the id does
		h.text(i.ID)
		h.number(i.CreateIndex)
		h.number(uint64(len(i.Tags)))
		for _, tag := range i.Tags {
			h.text(tag)
		}
		h.texts(i.Meta)
		if p.index.filtered {
			h.filtered(i)
		}
	}
	return uint64(h)
}

// filtered adds what filters alone look at.
func (h *hash) filtered(i *catalog.Instance) {
	for _, text := range []string{i.NodeAddress, i.ServiceAddress, i.Kind, i.SocketPath} {
		h.text(text)
	}
	h.texts(i.NodeMeta)
	h.number(uint64(i.Port))
	h.number(uint64(len(i.Ports)))
	h.number(uint64(i.Weights.Passing))
	h.number(uint64(i.Weights.Warning))
	for _, c := range i.Checks {
		h.text(c.ID)
		h.text(c.Status)
		h.text(strconv.FormatBool(c.Node))
	}
}

// hash is FNV-1a (Fowler, Noll and Vo) of 64 bits.
type hash uint64

const (
	offset = 14695981039346656037
	prime  = 1099511628211
)

// text adds a text and its end.
func (h *hash) text(s string) {
	now := *h
	for n := range len(s) {
		now = (now ^ hash(s[n])) * prime
	}
	*h = (now ^ 0xff) * prime // 0xff is in no text of UTF-8
}

func (h *hash) number(n uint64) { *h = (*h ^ hash(n)) * prime }

// texts adds a map, whatever the order of its keys.
func (h *hash) texts(m map[string]string) {
	sum := hash(len(m))
	for key, value := range m {
		pair := hash(offset)
		pair.text(key)
		pair.text(value)
		sum += pair
	}
	h.number(uint64(sum))
}
