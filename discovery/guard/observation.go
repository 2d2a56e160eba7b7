package guard

import (
	"time"

	"legate/discovery/catalog"
)

// Observation is something that happened: one of the types below. Instances are sorted, as always.
type Observation interface {
	on(g *State, now time.Time, d *Decision)
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

// Second is what a second look saw beside the service, and of the list of services right after it.
type Second struct {
	Elsewhere bool // all that is kept was seen under other names since: Consul has not forgotten it
	List      bool // the list was read, consistently
	Filtered  bool // the token's policies hid a part of one of the two answers
	Listed    bool // the list still has the service, although nothing is left of it
	Missing   int  // other services that were read before and that the list does not have,
	All       int  // of all that are followed
}

type (
	// Elapsed is that time has passed. It is observed each second, or as often as times in [Config] end.
	Elapsed struct{}
	// Asked is that a second look at a service is under way.
	Asked struct{ Key catalog.ServiceKey }
	// IndexWentBack is that Consul's index went back: its state may be another one.
	IndexWentBack struct{}
	// Seeded is a service that was believed before the start. It comes before all else about it.
	Seeded Served
	// Unfollowed is that a service is not followed any more: it is gone, or not selected.
	Unfollowed struct{ Key catalog.ServiceKey }
	// Reselected is that the operator selects otherwise among a service's instances.
	Reselected struct {
		Key       catalog.ServiceKey
		Selection catalog.Selection
	}
	// Released is that a person believes what is held: of one service, with the config entries of that name,
	// of one entry (kind/name), or of all if the name is empty.
	Released struct{ Service string }
	// EntriesListed are all config entries of a kind, as Consul lists them.
	EntriesListed struct {
		Kind    string
		Entries []catalog.Entry
		Index   uint64 // of the answer
	}
	// EntryAsked is that the leader is being asked for an entry by its name.
	EntryAsked struct{ Key catalog.EntryKey }
	// EntrySeen is what it says: that there is the entry, that it is hidden from the token, or that there
	// is none.
	EntrySeen struct {
		Key    catalog.EntryKey
		Entry  *catalog.Entry
		Hidden bool
	}
	// SeededEntries are config entries that were believed before the start. They come before all else
	// about them.
	SeededEntries struct{ Entries []catalog.Entry }
	// MassPolicy is that the operator sets Config.MassCritical, also for what is critical already.
	MassPolicy struct{ Policy string }
)

// Decision is what follows from an observation.
type Decision struct {
	Serve        []Served             // from now on; it may be what is served already
	Ended        []Ended              // holds that are over
	HoldsChanged bool                 // [State.Holds] returns something else than before
	Ask          []catalog.ServiceKey // for a second, consistent look, the most urgent first
	// A part of the loss of most of the datacenter came back, which queries that wait do not hear.
	Unheard bool

	Entries     []catalog.Entry    // config entries to serve from now on; some may be served so already
	GoneEntries []catalog.EntryKey // and those that are believed to be gone
	AskEntries  []catalog.EntryKey // that the leader is to be asked for by their names
}

// Served is what is served of a service. No instances: the service has none, or is not served.
type Served struct {
	Key       catalog.ServiceKey
	Instances []catalog.Instance
}

// Ended is a hold that is over. The outcome is a metric's label: confirmed, evident, expired or
// released if the loss was believed, returned, replaced or dropped if there is none any more. It is of a
// service, or of a config entry.
type Ended struct {
	Key     catalog.ServiceKey
	Entry   catalog.EntryKey
	Outcome string
	Held    time.Duration
}
