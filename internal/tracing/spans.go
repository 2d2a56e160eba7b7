package tracing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"legate/internal/changes"
	"legate/translate"
	"legate/xdsserver"
)

// Bounds of what a trace names: services of a change, and clients that have not acknowledged it.
const (
	maxServices = 10
	maxMissing  = 5
)

// publicationOf is what was published by a change.
func publicationOf(c *changes.Change) xdsserver.Publication {
	p := xdsserver.Publication{At: c.Published}
	for _, name := range c.Services {
		p.Names = append(p.Names, translate.Name{Type: translate.ClusterType, Name: name}, translate.Name{Type: translate.AssignmentType, Name: name})
	}
	return p
}

// way is how far a change has come with all clients. Of its resources each client counts as often as it asks for one.
type way struct {
	firstSent, firstAck, lastAck time.Time
	firstBy, lastBy              string // nodes
	asked, acknowledged, left    int
	missing                      int
	overtaken                    bool
	who                          []string // some nodes that have not acknowledged it
}

func wayOf(all []xdsserver.Arrival) (w way) {
	for _, a := range all {
		if !a.FirstSent.IsZero() && (w.firstSent.IsZero() || a.FirstSent.Before(w.firstSent)) {
			w.firstSent = a.FirstSent
		}
		if !a.FirstAck.IsZero() && (w.firstAck.IsZero() || a.FirstAck.Before(w.firstAck)) {
			w.firstAck, w.firstBy = a.FirstAck, a.FirstAckBy
		}
		if a.LastAck.After(w.lastAck) {
			w.lastAck, w.lastBy = a.LastAck, a.LastAckBy
		}
		w.asked, w.acknowledged, w.left, w.missing = w.asked+a.Asked, w.acknowledged+a.Acknowledged(), w.left+a.Left, w.missing+a.MissingCount
		w.overtaken = w.overtaken || !a.Overtaken.IsZero()
		for _, m := range a.Missing {
			if len(w.who) < maxMissing {
				w.who = append(w.who, m.Node)
			}
		}
	}
	return w
}

// underWay reports whether a client may still acknowledge it.
func (w way) underWay() bool { return w.missing > 0 && !w.overtaken }

// tell makes the spans of a change.
func (t *Tracer) tell(c *changes.Change, w way) {
	began := c.Published
	for _, at := range []time.Time{c.Taken, c.Answered} {
		if !at.IsZero() {
			began = at
		}
	}
	ended := began
	ctx, whole := t.tracer.Start(context.WithValue(context.Background(), idOf{}, TraceID(c.ID)), "change", trace.WithNewRoot(), trace.WithTimestamp(began), trace.WithAttributes(t.attributes(c, w)...))
	step := func(name string, from, to time.Time, more ...attribute.KeyValue) {
		if from.IsZero() || to.IsZero() {
			return
		}
		if to.Before(from) { // clocks of one machine, read by several goroutines
			to = from
		}
		_, span := t.tracer.Start(ctx, name, trace.WithTimestamp(from), trace.WithAttributes(more...))
		span.End(trace.WithTimestamp(to))
		if to.After(ended) {
			ended = to
		}
	}
	step("decide", c.Answered, c.Taken)
	step("translate", c.Taken, c.Published)
	step("publish", c.Published, c.Served)
	step("send first", c.Published, w.firstSent)
	step("acknowledge first", w.firstSent, w.firstAck, node(w.firstBy))
	step("acknowledge last", w.firstSent, w.lastAck, node(w.lastBy))
	if w.missing > 0 {
		whole.SetStatus(codes.Error, fmt.Sprintf("%d of %d had not acknowledged it", w.missing, w.asked))
	}
	whole.End(trace.WithTimestamp(ended))
}

func node(id string) attribute.KeyValue { return attribute.String("xds.node", valid(id)) }

// attributes are what there is to know of a change.
func (t *Tracer) attributes(c *changes.Change, w way) []attribute.KeyValue {
	all := []attribute.KeyValue{
		attribute.String("legate.change.id", c.ID.String()),
		attribute.String("legate.change.kind", string(c.Kind)),
		attribute.String("consul.datacenter", valid(t.rooms.Datacenter())),
		attribute.Int("xds.clients.asked", w.asked),
		attribute.Int("xds.clients.acknowledged", w.acknowledged),
	}
	switch {
	case len(c.Services) == 1:
		all = append(all, attribute.String("consul.service", valid(c.Services[0])))
	case len(c.Services) > 1:
		names := c.Services[:min(len(c.Services), maxServices)]
		some := make([]string, len(names))
		for i, name := range names {
			some[i] = valid(name)
		}
		all = append(all, attribute.StringSlice("consul.services", some), attribute.Int("consul.services.count", len(c.Services)))
	}
	if c.Index > 0 {
		all = append(all, attribute.Int64("consul.index", int64(c.Index)))
	}
	if w.overtaken {
		all = append(all, attribute.Bool("legate.change.overtaken", true))
	}
	if w.left > 0 {
		all = append(all, attribute.Int("xds.clients.left", w.left))
	}
	if w.missing > 0 {
		who := make([]string, len(w.who))
		for i, id := range w.who {
			who[i] = valid(id)
		}
		all = append(all, attribute.Int("xds.clients.missing", w.missing), attribute.StringSlice("xds.nodes.missing", who))
	}
	return all
}

// valid is a text that a message can carry: names in Consul and of nodes are whatever somebody wrote.
func valid(s string) string { return strings.ToValidUTF8(s, "?") }
