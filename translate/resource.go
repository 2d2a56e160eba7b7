package translate

import "time"

// The type URLs of the resources that this package makes.
const (
	ClusterType    = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	AssignmentType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
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
	// assignment covers its cluster too: Envoy waits for the assignment again when the cluster
	// changes (up to initial_fetch_timeout), so a changed cluster must bring it along.
	Version string
	// Value is the resource's protobuf encoding, marshalled once; it is never changed.
	Value []byte
}

// Batch is the difference between two Resources: what a server has to apply as one change.
// Set and Gone are sorted by type and name and are disjoint.
type Batch struct {
	Set  []Resource
	Gone []Name
	// Since is when the oldest Consul answer behind this batch arrived; zero if unknown.
	Since time.Time
}

// Problem says what could not be served, and what to do about it. It is data, not an error:
// the rest of the catalog is served.
type Problem struct {
	Service  string // the service's key as text
	Instance string // node/id; empty if the whole service is concerned
	Reason   Reason // one of a short fixed list
	Detail   string // what exactly was wrong, with the offending value
	Remedy   string // what the operator can do, in one sentence
}

// Reason is the kind of a Problem: a short constant word, fit for a metric's label.
type Reason string
