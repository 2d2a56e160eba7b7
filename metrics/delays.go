package metrics

import (
	"sort"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The stages of a change's way to a client.
const (
	answerToSent = "answer_to_sent"
	answerToAck  = "answer_to_ack"
)

// Delays observes how long changes of a type take. Nil observes nothing.
type Delays struct {
	xds                *XDS
	sent, acknowledged *delay
}

// Delays returns what observes the changes of a type, by its URL.
func (x *XDS) Delays(typeURL string) *Delays {
	if x == nil {
		return nil
	}
	if d := x.delays[typeURL]; d != nil {
		return d
	}
	return x.newDelays(typeURL)
}

func (x *XDS) newDelays(typeURL string) *Delays {
	t := typeLabel(typeURL)
	return &Delays{x, x.propagation.delay(answerToSent, t), x.propagation.delay(answerToAck, t)}
}

// Sent observes how long a change took from Consul's answer until it was sent on a stream.
func (d *Delays) Sent(after time.Duration, of Origin) {
	if d == nil {
		return
	}
	d.sent.observe(after, of, d.xds.now)
	if after > slow {
		d.xds.slowest.note(after, d.xds.now())
	}
}

// Acknowledged observes how long a change took until the client acknowledged it.
func (d *Delays) Acknowledged(after time.Duration, of Origin) {
	if d != nil {
		d.acknowledged.observe(after, of, d.xds.now)
	}
}

// Origin says by what a change is known: a resource of it, and when that was published, in nanoseconds of Unix time.
// The zero Origin is unknown.
type Origin struct {
	Name      string
	Published int64
}

// delay is a histogram that remembers of each bucket the newest change that fell into it, as an exemplar. The first
// observation of a change counts: to remember takes memory, and a large fleet makes thousands of them.
type delay struct {
	histogram prometheus.Observer
	newest    []atomic.Pointer[example] // by classic bucket; the last one is that of all that is above
}

// example is an observation of a change.
type example struct {
	of      Origin
	seconds float64
	at      time.Time
	id      atomic.Pointer[string] // of the change, once it was asked for
}

func (d *delay) observe(after time.Duration, of Origin, now func() time.Time) {
	seconds := after.Seconds()
	d.histogram.Observe(seconds)
	newest := &d.newest[sort.SearchFloat64s(changeBuckets, seconds)]
	if last := newest.Load(); of.Published > 0 && (last == nil || last.of.Published < of.Published) {
		newest.Store(&example{of: of, seconds: seconds, at: now()})
	}
}
