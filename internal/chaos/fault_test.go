package chaos_test

import (
	"testing"
	"time"
)

// fault is one thing that goes wrong.
type fault struct {
	name string
	how  string // how it is injected
	// do makes it happen, keeps it up and ends it: when it returns, the fault is over.
	do func(t *testing.T, s *scene)
	// before and after prepare the scene and put it back; what happens in them is not judged.
	before, after func(t *testing.T, s *scene)

	short bool // runs with the other tests
	// restarts says that Legate's process is another one afterwards, so that what it used before
	// says nothing; reboots says the same of an Envoy.
	restarts, reboots bool
}

// group is faults that share a scene.
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
		{"legate", newSingleScene, legateFaults()},
		{"clients", newSingleScene, clientFaults()},
		{"attacks", newSingleScene, attackFaults()},
	}
}

// What is asked of Legate after a fault.
const (
	converge = 5 * time.Second  // a change is in every Envoy
	patience = 75 * time.Second // how long it is waited for all the same, to tell how long it took
)

// outcome is what came of a fault.
type outcome struct {
	group, name, how string

	lasted       time.Duration
	registered   time.Duration // until an instance registered afterwards was in every Envoy
	deregistered time.Duration // until one deregistered afterwards had left every Envoy
	sent, failed int           // requests
	lost, ill    []string      // endpoints that some Envoy did not have, or not as healthy
	moved        int           // membership changes that Envoy counted beyond those of the suite
	was, is      vitals
	noticed      string   // what Legate counted
	wrong        []string // what did not hold; none: it was stood
	skipped      string   // why it was not injected
}
