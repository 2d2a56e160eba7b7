package policy

import (
	"iter"
	"slices"
	"strings"
)

// index finds the rules that may be for a service. A fleet can have a rule for each of ten thousand services, and
// each of them asks.
type index struct {
	named    map[string][]int // rules that name services without * and ?, by each name
	others   []int            // all other rules
	filtered bool             // some rule has a filter
}

func indexOf(rules []rule) index {
	x := index{named: map[string][]int{}}
	for n, r := range rules {
		x.filtered = x.filtered || r.match.filter != nil
		names := r.match.names
		if len(names) == 0 || slices.ContainsFunc(names, func(name string) bool { return strings.ContainsAny(name, "*?") }) {
			x.others = append(x.others, n)
			continue
		}
		for _, name := range names {
			if all := x.named[name]; len(all) == 0 || all[len(all)-1] != n {
				x.named[name] = append(all, n)
			}
		}
	}
	return x
}

// of yields the numbers of the rules that may be for a service, in their order.
func (x index) of(service string) iter.Seq[int] {
	return func(yield func(int) bool) {
		named, others := x.named[service], x.others
		for len(named)+len(others) > 0 {
			from := &others
			if len(others) == 0 || len(named) > 0 && named[0] < others[0] {
				from = &named
			}
			if !yield((*from)[0]) {
				return
			}
			*from = (*from)[1:]
		}
	}
}
