package watch

import (
	"context"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// Event is something that was found out: one of the types below.
type Event interface{ event() }

// Listed is a new list of services.
type Listed struct {
	Names consul.Listing
	// Retagged are the names whose tags differ from those of the list before.
	Retagged []string
	At       time.Time
	Index    uint64
}

// Answered is what Consul says of a service, by its blocking query or when it was polled.
type Answered struct {
	Service *Service
	Reading consul.Reading
	Reply   consul.Reply
	Doubt   bool // the answer is odd: what it takes away must be said twice
}

// Confirmed is the leader's answer about a service that is no longer listed.
type Confirmed struct {
	Answered
	Past Past // with which it was asked for
}

// Checked is what a consistent read of a service beside its own query saw.
type Checked struct {
	Answered
	Past      Past           // with which it was asked for
	List      consul.Listing // read right after it; nil: not asked for
	ListReply consul.Reply
	Err       error // nil, or why there is no answer
}

// Refused is that Consul refuses to answer for a service's name, while it answers for others.
type Refused struct {
	Service *Service
	Err     error
	At      time.Time
}

// EntriesListed are the config entries of a kind, as Consul lists them. What the list lacks is gone, or is
// hidden from the token.
type EntriesListed struct {
	Kind    string
	Entries []catalog.Entry
	Reply   consul.Reply
}

// EntriesRefused is that Consul refuses to list a kind of config entries, while it answers other questions.
type EntriesRefused struct{ Kind string }

// EntryChecked is what the leader says of an entry that the list lacked.
type EntryChecked struct {
	Key   catalog.EntryKey
	Entry catalog.Entry // if it is there
	Found consul.Found
	At    time.Time
	Err   error // nil, or why there is no answer
}

// Restart is that all that is known may be old: everything has to be read again.
type Restart struct {
	Why           string
	IndexWentBack bool // Consul's state may be another one
	At            time.Time
}

// Signal names what something has changed of.
type Signal struct {
	services map[string]struct{}
	nodes    map[string]struct{} // of whose services
	came     bool                // checks came or went, so that instances may have
}

func (Listed) event()   {}
func (Answered) event() {}
func (Refused) event()  {}
func (Restart) event()  {}
func (Signal) event()   {}

func (EntriesListed) event()  {}
func (EntriesRefused) event() {}
func (EntryChecked) event()   {}

// tell hands an event to the caller, unless ctx ends first.
func (q *Queries) tell(ctx context.Context, e Event) {
	select {
	case q.events <- e:
	case <-ctx.Done():
	}
}
