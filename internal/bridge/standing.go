package bridge

import (
	"slices"

	"legate/discovery/catalog"
	"legate/translate"
)

// standing are the problems that stand now, by service, so that a change costs what its
// services cost.
type standing struct {
	byService map[string][]translate.Problem
	count     map[translate.Reason]int
}

func newStanding() standing {
	return standing{byService: map[string][]translate.Problem{}, count: map[translate.Reason]int{}}
}

// apply replaces the problems of the services in d, and of those whose ports they are named like, and returns what is new and what is over.
func (s standing) apply(d catalog.Delta, problems []translate.Problem) (appeared, over []translate.Problem) {
	now := map[string][]translate.Problem{}
	for _, p := range problems {
		now[p.Service] = append(now[p.Service], p)
	}
	touched := map[string]bool{}
	touch := func(service string) {
		if touched[service] {
			return
		}
		touched[service] = true
		was, is := s.byService[service], now[service]
		appeared = append(appeared, without(is, was)...)
		over = append(over, without(was, is)...)
		for _, p := range was {
			s.count[p.Reason]--
		}
		for _, p := range is {
			s.count[p.Reason]++
		}
		if delete(s.byService, service); len(is) > 0 {
			s.byService[service] = is
		}
	}
	both := func(key catalog.ServiceKey) {
		touch(key.String())
		if owner, ok := translate.PortOwner(key); ok {
			touch(owner.String())
		}
	}
	for _, set := range d.Set {
		both(set.Key)
	}
	for _, gone := range d.Gone {
		both(gone)
	}
	return appeared, over
}

// without returns the problems of a that are not in b.
func without(a, b []translate.Problem) []translate.Problem {
	var out []translate.Problem
	for _, p := range a {
		if !slices.Contains(b, p) {
			out = append(out, p)
		}
	}
	return out
}

// byReason counts the problems in the words of the metric.
func (s standing) byReason() map[string]int {
	out := make(map[string]int, len(s.count))
	for reason, n := range s.count {
		out[string(reason)] = n
	}
	return out
}
