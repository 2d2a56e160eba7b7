package watch

import "time"

// The shortest time between two lists of services, and how much of it Consul may spend on one:
// a list costs Consul in proportion to the catalog, and a busy catalog changes all the time.
// The pause has an end even where a list seems to cost very much, since it may only seem so.
const (
	listEvery  = time.Second
	listShare  = 10 // a tenth
	listAtMost = 5 * time.Second
)

// listCost estimates what one list of services costs. A query takes at least that, but may also
// have waited: for a change, or for a Consul that had just started to find its leader. So the
// shortest counts, in proportion to the number of names.
type listCost struct {
	took  time.Duration
	names int // 0: nothing learned yet
}

// learn takes an answer into account.
func (c *listCost) learn(took time.Duration, names int) {
	names = max(names, 1)
	if c.names == 0 || took < c.of(names) {
		*c = listCost{took: took, names: names}
	}
}

func (c *listCost) of(names int) time.Duration {
	return c.took * time.Duration(max(names, 1)) / time.Duration(max(c.names, 1))
}

// pause is how long to leave Consul alone after a list.
func (c *listCost) pause(names int) time.Duration {
	return min(max(listEvery, listShare*c.of(names)), listAtMost)
}
