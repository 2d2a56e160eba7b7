package translate

import (
	"cmp"
	"time"
)

// The type URLs of the resources that this package makes.
const (
	ClusterType    = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	AssignmentType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	SecretType     = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
)

// Name names a resource: its type URL and its xDS name.
type Name struct {
	Type string
	Name string
}

// Resource is one xDS resource as it goes on the wire.
type Resource struct {
	Name
	// Version is a hash of the content, equal for equal content everywhere. The version of an
	// assignment covers its cluster too: when a cluster changes, Envoy waits for its assignment to be
	// sent again (up to initial_fetch_timeout), so a changed cluster must bring it along.
	Version string
	// Value is the resource's protobuf encoding. It is marshalled once and never changed.
	Value []byte
	// Near says how what is near a node is preferred to the rest: see [Resource.From].
	Near Near
}

// Batch is the difference between two Resources: what a server has to apply as one change.
// Set and Gone are sorted by type and name and are disjoint.
type Batch struct {
	Set  []Resource
	Gone []Name
	// At is when it is published, by which it is known afterwards; zero: when the server gets it.
	At time.Time
	// Since is when the oldest Consul answer behind this batch arrived; zero if unknown.
	Since time.Time
}

// byName orders resources by type and name.
func byName(a, b Resource) int {
	if c := cmp.Compare(a.Type, b.Type); c != 0 {
		return c
	}
	return cmp.Compare(a.Name.Name, b.Name.Name)
}

// same reports whether clients get the same of both, wherever they stand.
func same(a, b Resource) bool { return a.Name == b.Name && a.Version == b.Version && a.Near == b.Near }
