package chaos_test

import (
	"testing"
	"time"
)

// fault is one thing that goes wrong.
type fault struct {
	name string
	how  string // how it is injected
	// do starts the fault, keeps it up and ends it: when it returns, the fault is over.
	do func(t *testing.T, s *scene)
	// before and after prepare and restore the scene. What happens in them is not judged.
	before, after func(t *testing.T, s *scene)

	short bool // runs with the other tests
	// restarts means that Legate's process is another one afterwards, so that its earlier usage
	// cannot be compared. reboots means the same of an Envoy.
	restarts, reboots bool
}

// group is a set of faults that share a scene.
type group struct {
	name   string
	build  func(t *testing.T) *scene
	faults []fault
}

func groups() []group {
	return []group{
		{"cluster", newClusterScene, clusterFaults()},
		{"answers", newSingleScene, answerFaults()},
		{"network", newSingleScene, networkFaults()},
		{"tls", newTLSScene, tlsFaults()},
		{"acl", newACLScene, aclFaults()},
		{"entries", newEntriesScene, entryFaults()},
		{"legate", newSingleScene, legateFaults()},
		{"clients", newSingleScene, clientFaults()},
		{"attacks", newSingleScene, attackFaults()},
		{"datacenters", newFarScene, farFaults()},
		{"datacenters with ACLs", newFarACLScene, farACLFaults()},
	}
}

// Requirements on Legate after a fault.
const (
	converge = 5 * time.Second  // limit for a change to be in every Envoy
	giveUp   = 75 * time.Second // how long the suite waits for it, to report how long it took
)

// outcome is the result of a fault.
type outcome struct {
	group, name, how string

	lasted       time.Duration
	registered   time.Duration // until an instance registered afterwards was in every Envoy
	deregistered time.Duration // until one deregistered afterwards had left every Envoy
	sent, failed int           // requests
	lost, ill    []string      // endpoints that were missing or unhealthy in some Envoy
	moved        int           // membership changes in Envoy that the suite did not cause
	was, is      vitals
	noticed      string   // what Legate counted
	wrong        []string // what went wrong; empty: passed
	skipped      string   // why it was not injected
}
