package guard

import (
	"time"

	"legate/discovery/catalog"
)

// Observation is something that happened: one of the types below.
type Observation interface {
	on(g *State, now time.Time, d *Decision)
}

// Seeded is a service that was believed before the start. It comes before any other observation of it.
type Seeded struct {
	Key       catalog.ServiceKey
	Instances []catalog.Instance // sorted, as always
}

// Answered is an answer of Consul's about a service, which is believed but for what it takes away.
type Answered struct {
	Key        catalog.ServiceKey
	Said       []catalog.Instance // all that Consul says
	Selected   []catalog.Instance // what of that the operator selects
	Consistent bool               // the leader says it
	Moved      bool               // its index is above that of the answer before
	Doubt      bool               // it is odd: what it takes away must be said twice
	Second     *Second            // it answers a second look at a hold; nil: it does not
}

// Second is what a second look saw of the list of services, read consistently right after the service.
type Second struct {
	List     bool // the list was read
	Filtered bool // the token's policies hid a part of one of the two answers
	Listed   bool // the list still has the service, although nothing is left of it
	// Missing are the other services that were read before and that the list does not have, of all
	// services that are followed.
	Missing, All int
}

// Elapsed is that time has passed. It is observed every [Config.Tick].
type Elapsed struct{}

// Asked is that a second look at a service is under way.
type Asked struct{ Key catalog.ServiceKey }

// Released is that a person believes what is held: of one service, or of all if the name is empty.
type Released struct{ Service string }

// Reselected is that the operator selects otherwise among a service's instances. It acts at once.
type Reselected struct {
	Key       catalog.ServiceKey
	Selection catalog.Selection
}

// Unfollowed is that a service is not followed any more: it is gone, or not selected.
type Unfollowed struct{ Key catalog.ServiceKey }

// IndexWentBack is that Consul's index went back: its state may be another one.
type IndexWentBack struct{}

// MassPolicy is that the operator sets Config.MassCritical, also for what is critical already.
type MassPolicy struct{ Policy string }

// Decision is what follows from an observation.
type Decision struct {
	Serve        []Served // from now on; it may be what is served already
	Ended        []Ended  // holds that are over
	HoldsChanged bool     // [State.Holds] returns something else than before
	// Ask are services to take a second, consistent look at, the most urgent first.
	Ask []catalog.ServiceKey
	// Again are services to ask again at once: an instance of theirs was seen under another name,
	// and Consul does not move the index of who had it.
	Again []catalog.ServiceKey
	// Unheard says that a part of the loss of most of the datacenter came back without a word:
	// queries that wait at an index of that time would hear nothing for long.
	Unheard bool
}

// Served is what is served of a service. No instances: the service has none, or is not served.
type Served struct {
	Key       catalog.ServiceKey
	Instances []catalog.Instance
}

// Ended is a hold that is over. The outcome is a metric's label: confirmed, evident, expired or
// released if the loss was believed, returned, replaced or dropped if there is none any more.
type Ended struct {
	Key     catalog.ServiceKey
	Outcome string
	Held    time.Duration
}
