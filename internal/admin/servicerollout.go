package admin

import (
	"time"

	"legate/internal/bridge"
	"legate/translate/policy"
)

// ServiceRollout says where a service's cluster stands in a change of policy that goes out bit by bit.
type ServiceRollout struct {
	State RolloutState `json:"state"`
	Since time.Time    `json:"since,omitzero"`  // when the change began to go out, or was paused; none: it begins just now
	Still []Still      `json:"still,omitempty"` // what the cluster is still served with
	// Remedy is how a paused change goes on.
	Remedy string `json:"remedy,omitempty"`
}

// RolloutState is where a cluster stands.
type RolloutState string

// The states of a cluster while a change of policy goes out.
const (
	RolloutWaiting RolloutState = "waiting" // its turn comes
	RolloutPaused  RolloutState = "paused"  // it waits, as clients reject what the change changed elsewhere
	RolloutSent    RolloutState = "sent"    // it has the new policy
)

// Still is a field of which a cluster has the old value.
type Still struct {
	Field string `json:"field"`
	Has   string `json:"has"`  // empty: none is set
	Gets  string `json:"gets"` // empty: none will be
	// Source is who says what it gets, or said what it has.
	Source string `json:"source"`
}

// serviceRolloutOf returns nil if no change of policy is under way, or it does not touch the cluster.
func serviceRolloutOf(state bridge.State, cluster string) *ServiceRollout {
	r := state.Rollout
	has, waits := state.Resources.Still(cluster)
	if !waits {
		if r.Sent(cluster) {
			return &ServiceRollout{State: RolloutSent, Since: r.Since}
		}
		return nil
	}
	out := &ServiceRollout{State: RolloutWaiting, Since: r.Since}
	if !r.Paused.IsZero() {
		out.State, out.Since, out.Remedy = RolloutPaused, r.Paused, r.GoesOn
	}
	newest, _, _ := state.Resources.Policy(cluster)
	for _, c := range policy.Changes(has, newest) {
		out.Still = append(out.Still, Still{c.Field, cut(c.From), cut(c.To), cut(c.Source)})
	}
	return out
}
