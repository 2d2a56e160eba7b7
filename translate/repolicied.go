package translate

import (
	"legate/discovery/catalog"
	"legate/translate/policy"
)

// Repolicied is a cluster that is built by another policy than before.
type Repolicied struct {
	Name     string             // of the cluster
	Service  catalog.ServiceKey // whose it is, or that of a port or a subset of it
	From, To *policy.Effective
}

// DiffPolicies returns the clusters, of those that are in both, that are built by another policy, sorted by service. It
// costs what differs, as [Resources.Diff] does.
func (r Resources) DiffPolicies(from Resources) (all []Repolicied) {
	compare(from.cells, r.cells, func(old, now *cell) {
		if !old.served() || !now.served() || old.policy.Same(now.policy.Effective) {
			return
		}
		all = append(all, Repolicied{now.unit.name(), now.unit.service, old.policy.Effective, now.policy.Effective})
	})
	return all
}
