package discovery

import "time"

// The shortest time between two lists of services, and how much of it Consul may spend on one:
// a list costs Consul in proportion to the catalog, and a busy catalog changes all the time.
const (
	listEvery = time.Second
	listShare = 10 // a tenth
)

// listCost estimates what one list of services costs. A blocking query takes at least that, but
// may also have waited, so the shortest counts, in proportion to the number of names.
type listCost struct {
	took  time.Duration
	names int
}

// learn takes an answer into account. One that was not to wait counts in any case.
func (c *listCost) learn(took time.Duration, names int, waited bool) {
	names = max(names, 1)
	if !waited || took < c.of(names) {
		*c = listCost{took: took, names: names}
	}
}

func (c *listCost) of(names int) time.Duration {
	return c.took * time.Duration(max(names, 1)) / time.Duration(max(c.names, 1))
}

// pause is how long to leave Consul alone after a list.
func (c *listCost) pause(names int) time.Duration {
	return max(listEvery, listShare*c.of(names))
}
