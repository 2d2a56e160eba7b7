package translate

import (
	"legate/translate/policy"
)

// Repolicied is a cluster that is built by another policy than before.
type Repolicied struct {
	Name     string // of the cluster
	From, To *policy.Effective
}

// DiffPolicies returns the clusters, of those that are in both, that are built by another policy, sorted by service. It
// costs what differs, as [Resources.Diff] does.
func (r Resources) DiffPolicies(from Resources) (all []Repolicied) {
	compare(from.cells, r.cells, func(old, now *cell) {
		if !old.served() || !now.served() || old.policy.Same(now.policy.Effective) {
			return
		}
		all = append(all, Repolicied{now.unit.name(), old.policy.Effective, now.policy.Effective})
	})
	return all
}
