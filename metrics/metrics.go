// Package metrics holds every metric of Legate: its name, type, labels and help.
//
// The rooms call methods that say what happened; only this package knows Prometheus. All
// methods may be called concurrently, and on a nil receiver, where they do nothing. Label
// values that come from the network are bounded here.
package metrics

import "time"

// Metrics are one program's metrics, in one registry of their own.
type Metrics struct {
	Consul    *Consul
	Translate *Translate
	XDS       *XDS
}

// Consul counts what discovery sees.
type Consul struct{}

// Query counts one finished query. The outcome is one of a short fixed list: changed,
// unchanged, or the kind of failure.
func (c *Consul) Query(outcome string, took time.Duration) {}

// Fresh says that Consul answered now.
func (c *Consul) Fresh(at time.Time) {}

// Index is the Raft index of the last believed answer of the named query (catalog, services).
func (c *Consul) Index(query string, index uint64) {}

// IndexReset counts an index that went back or was unusable, and was reset to 0.
func (c *Consul) IndexReset() {}

// Catalog is the believed catalog's size: services, and instances by health.
func (c *Consul) Catalog(services int, instances map[string]int) {}

// Watches says how many services are followed by a query of their own (direct) and how many by
// the rotating sweep (swept), over how many connections at most.
func (c *Consul) Watches(direct, swept, connections int) {}

// Translate counts what translation leaves out.
type Translate struct{}

// Problems are the standing problems by reason.
func (t *Translate) Problems(byReason map[string]int) {}

// XDS counts what the xDS server does.
type XDS struct{}

// Stream names an open stream: sotw-1, delta-1. The two protocols are numbered separately.
type Stream struct {
	ID       string
	Protocol string // sotw, delta
}

// Opened says that a stream was opened.
func (x *XDS) Opened(s Stream) {}

// Closed says that a stream was closed, after how long, with which gRPC code.
func (x *XDS) Closed(s Stream, open time.Duration, code string) {}

// Request counts a request on a stream. The kind is subscribe, ack, nack or stale.
func (x *XDS) Request(s Stream, node, typeURL, kind string) {}

// Response counts a response on a stream.
func (x *XDS) Response(s Stream, node, typeURL string, resources, bytes int) {}

// Fetch counts a REST exchange by its outcome: ok, not_modified, error.
func (x *XDS) Fetch(typeURL, outcome string) {}

// Propagation observes how long a change took: stage is answer_to_sent or answer_to_ack.
func (x *XDS) Propagation(stage, typeURL string, took time.Duration) {}

// Published counts a batch that changed a snapshot and says how many resources of each type
// the view holds now.
func (x *XDS) Published(view string, resources map[string]int, at time.Time) {}
