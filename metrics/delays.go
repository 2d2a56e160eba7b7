package metrics

import (
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
	sent, acknowledged prometheus.Observer
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
	return &Delays{x, x.propagation.WithLabelValues(answerToSent, t), x.propagation.WithLabelValues(answerToAck, t)}
}

// Sent observes how long a change took from Consul's answer until it was sent on a stream.
func (d *Delays) Sent(after time.Duration) {
	if d == nil {
		return
	}
	d.sent.Observe(after.Seconds())
	if after > slow {
		d.xds.slowest.note(after, d.xds.now())
	}
}

// Acknowledged observes how long a change took until the client acknowledged it.
func (d *Delays) Acknowledged(after time.Duration) {
	if d != nil {
		d.acknowledged.Observe(after.Seconds())
	}
}
