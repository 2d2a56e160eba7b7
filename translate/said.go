package translate

import (
	"iter"
	"slices"
	"strings"
	"time"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// said is what all sources together say of how a unit is reached. A unit is built again when that changes,
// and not when somebody says it anew. It is never changed.
type said struct {
	*policy.Effective
	problems []policy.Problem
	given    policy.Sites // where it fails over to, if not the policy itself says that; nil: it does
	failover policy.Sites // where it fails over to
	basis    basis
}

// basis is what said was made of. Of equal ones the same is made, so it need not be made again when an instance
// merely turns critical.
type basis struct {
	policies *policy.Policies
	entries  [3]*entry // by policy.EntryKeys
	chained  bool      // whether Consul's chain of the unit fails over
	look     uint64    // of the service
}

// same reports whether a unit becomes the same with both, as far as the service's own entries are concerned.
func (s *said) same(o *said) bool {
	return s.Same(o.Effective) && slices.Equal(s.problems, o.problems) && slices.Equal(s.failover, o.failover) &&
		s.basis.resolver().Equal(o.basis.resolver())
}

// resolver is what the service's resolver says of where requests go.
func (b basis) resolver() catalog.Resolver {
	if e := b.entries[len(b.entries)-1]; e != nil {
		return e.Resolver
	}
	return catalog.Resolver{}
}

// sharing is s, which is the same as o, and holds no more than o does.
func (s *said) sharing(o *said) *said {
	if s == nil || s.basis == o.basis {
		return o
	}
	return &said{o.Effective, o.problems, s.given, o.failover, s.basis}
}

// said reads the policy of a unit: the operator's, over a base; what Consul's entries say of the unit's
// service; and what its owner says. Where it fails over to is in the policy, unless that is given. Chained says whether
// Consul's chain of the unit fails over.
func (r *reader) said(u unit, s catalog.Service, failover policy.Sites, chained bool, base policy.Layer) *said {
	of := basis{policies: r.inputs.policies, chained: chained, look: r.policies().Look(s)}
	keys := policy.EntryKeys(s.Key.Name)
	for n, k := range keys {
		of.entries[n] = r.inputs.entries.get(k)
	}
	if b := r.before; b != nil && b.policy != nil && b.policy.basis == of && slices.Equal(failover, b.policy.given) {
		r.policy = b.policy
		return r.policy
	}
	e, problems := r.policiesOf(u, s, chained, base)
	r.policy = &said{e, problems, failover, e.Policy().Failover, of}
	if failover != nil {
		r.policy.failover = failover
	}
	return r.policy
}

// policiesOf is what all sources say of a unit together. It is not noted as what was read. A resolver says nothing of
// failover where Consul's chain of the unit has none: what weaker sources say of it holds then.
func (r *reader) policiesOf(u unit, s catalog.Service, chained bool, base policy.Layer) (*policy.Effective, []policy.Problem) {
	policies := r.policies().Over(base)
	return policies.For(s, u.port, func(k catalog.EntryKey) (catalog.Entry, bool) {
		e := r.inputs.entries.get(k)
		if e == nil {
			return catalog.Entry{}, false
		}
		said := e.Entry
		if !chained {
			said.Resolver = catalog.Resolver{}
		}
		return said, true
	})
}

func (r *reader) policies() *policy.Policies {
	if r.inputs.policies != nil {
		return r.inputs.policies
	}
	return &policy.Policies{}
}

// made is what was made of the policy that was read, if the unit has that until now: its cluster, and the secrets
// of this one. Nothing otherwise.
func (r *reader) made() []Resource {
	if r.before == nil || r.before.policy == nil || r.policy == nil || !r.before.policy.Same(r.policy.Effective) {
		return nil
	}
	all := r.before.resources
	for n, one := range all {
		switch {
		case one.Type != AssignmentType:
		case n+1 == len(all):
			return all[:n:n]
		default:
			return slices.Concat(all[:n], all[n+1:])
		}
	}
	return nil
}

// With returns the Resources after the operator changed his mind, and the problems of the units that were
// built again: those whose policy is another now. All others stay what they are, and are not sent again.
//
// Who keeps several views of one catalog hands the result for one of them to the others, as with Apply.
func (r Resources) With(p policy.Policies, views ...Resources) (Resources, []Problem) {
	r.inputs.policies = &p
	r.behind, r.survey = lates{}, nil
	return r.build(r.resaid(r.madeBy(r.entries()), r.cells.all()), time.Time{}, views) // a survey may have had some to make
}

// resaid appends the units of those cells whose policy is another with the inputs as they are now.
func (r Resources) resaid(units []unit, cells iter.Seq[*cell]) []unit {
	read := reader{inputs: r.inputs}
	for c := range cells {
		if c.policy != nil && !r.rules.said(c.unit, read.begin(c.unit, c)).same(c.policy) {
			units = append(units, c.unit)
		}
	}
	return units
}

// cellsSaidBy are the cells whose policy may be another after a delta's config entries. Proxy-defaults are
// everybody's; any other entry is of the services with its name, in whatever case.
func (r Resources) cellsSaidBy(d catalog.Delta) iter.Seq[*cell] {
	names := map[string]bool{}
	for _, e := range d.Entries {
		names[e.Key.Name] = true
	}
	for _, k := range d.GoneEntries {
		names[k.Name] = true
	}
	return func(yield func(*cell) bool) {
		for c := range r.cells.all() {
			if (names[catalog.GlobalEntry] || names[strings.ToLower(c.unit.service.Name)]) && !yield(c) {
				return
			}
		}
	}
}

// Policy is what holds for the cluster of that name, each field with its source, and what of it does not
// count. It is computed anew: sources can change without a value that does. A cluster that waits for a change
// of policy to reach it does not have all of that yet.
func (r Resources) Policy(cluster string) (*policy.Effective, []policy.Problem, bool) {
	u, is := r.unitOf(cluster)
	if !is {
		return nil, nil, false
	}
	c := r.cells.get(u)
	if !c.served() {
		return nil, nil, false
	}
	read := reader{inputs: r.inputs}
	now := r.rules.said(c.unit, read.begin(c.unit, nil))
	return now.Effective, now.problems, true
}

// Still is what the cluster of that name has while it waits for a change of policy to reach it; false if it has
// what Policy returns.
func (r Resources) Still(cluster string) (*policy.Effective, bool) {
	newest, _, served := r.Policy(cluster)
	if !served {
		return nil, false
	}
	u, _ := r.unitOf(cluster)
	has := r.cells.get(u).policy.Effective
	return has, !has.Same(newest)
}

// Served are the names of the clusters, sorted by their services.
func (r Resources) Served() (names []string) {
	for c := range r.cells.all() {
		if c.served() {
			names = append(names, c.unit.name())
		}
	}
	return names
}
