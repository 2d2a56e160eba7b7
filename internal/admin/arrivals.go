package admin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"legate/internal/changes"
	"legate/translate"
	"legate/xdsserver"
)

// ChangeDelivery is how far a change has come: of its resources that with the most clients that have not acknowledged it.
type ChangeDelivery struct {
	// FirstSent is when some client was sent it first, and LastAck when one that had to hear of it acknowledged it last.
	FirstSent time.Time `json:"first_sent,omitzero"`
	LastAck   time.Time `json:"last_ack,omitzero"`
	// Asked is how many streams asked for it when it was published. Of these, Left have ended or no longer ask for it,
	// MissingCount have not acknowledged it, and all others have: they are Acknowledged.
	Asked        int `json:"asked"`
	Acknowledged int `json:"acknowledged"`
	Left         int `json:"left,omitempty"`
	MissingCount int `json:"missing_count"`
	// Missing are some of those that have not acknowledged it, if one change was asked for.
	Missing []ChangeAwaited `json:"missing,omitempty"`
	// Overtaken is when the same resource changed again: all else is what was known then.
	Overtaken time.Time `json:"overtaken,omitzero"`
	// OvertakenBy is the change that did it, if one change was asked for and that one is remembered.
	OvertakenBy changes.ID `json:"overtaken_by,omitzero"`
}

// ChangeAwaited is a stream that has not acknowledged something of a change.
type ChangeAwaited struct {
	Type string `json:"type"` // what people call it: clusters, endpoints
	xdsserver.Awaited
}

// Sends says of changes when clients were sent them first.
func Sends(xds Arrivals) changes.Sends {
	return func(all []changes.Change) []changes.Send {
		out := make([]changes.Send, len(all))
		for i, d := range deliveriesOf(xds, all, 0) {
			if d != nil {
				out[i] = changes.Send{Clients: d.Asked, First: d.FirstSent}
			}
		}
		return out
	}
}

// Arrivals is who knows how far what was published has come: an xdsserver.Server.
type Arrivals interface {
	Arrivals(all []xdsserver.Publication, most int) [][]xdsserver.Arrival
}

// deliveriesOf are those of changes, in their order; nil where nothing had to be sent, or where that is not
// remembered. At most so many of those are listed that have not acknowledged a resource.
func deliveriesOf(xds Arrivals, all []changes.Change, most int) []*ChangeDelivery {
	var asked []xdsserver.Publication
	var of []int
	for i := range all {
		c := &all[i]
		if c.Published.IsZero() || (c.Kind != changes.Service && c.Kind != changes.Policy) {
			continue
		}
		p := xdsserver.Publication{At: c.Published}
		for _, name := range c.Services {
			p.Names = append(p.Names, translate.Name{Type: translate.ClusterType, Name: name}, translate.Name{Type: translate.AssignmentType, Name: name})
		}
		asked, of = append(asked, p), append(of, i)
	}
	out := make([]*ChangeDelivery, len(all))
	if len(asked) == 0 {
		return out
	}
	for n, arrivals := range xds.Arrivals(asked, most) {
		out[of[n]] = deliveryOfChange(arrivals, most)
	}
	return out
}

// deliveryOfChange sums up the arrivals of a change: views are added, and of a view the worst resource counts.
func deliveryOfChange(all []xdsserver.Arrival, most int) *ChangeDelivery {
	if len(all) == 0 {
		return nil
	}
	d := &ChangeDelivery{}
	worst := map[xdsserver.View]xdsserver.Arrival{}
	for _, a := range all {
		if !a.FirstSent.IsZero() && (d.FirstSent.IsZero() || a.FirstSent.Before(d.FirstSent)) {
			d.FirstSent = a.FirstSent
		}
		if w, is := worst[a.View]; !is || cmp.Or(cmp.Compare(a.MissingCount, w.MissingCount), cmp.Compare(a.Asked, w.Asked)) > 0 {
			worst[a.View] = a
		}
		for _, m := range a.Missing {
			m.Why = cut(m.Why)
			d.Missing = append(d.Missing, ChangeAwaited{short(a.Name.Type), m})
		}
	}
	for _, a := range all { // who has taken endpoints and rejects their cluster has acknowledged nothing of use
		if w := worst[a.View]; w.MissingCount == 0 || w.Name == a.Name {
			d.LastAck = later(d.LastAck, a.LastAck)
		}
	}
	for _, a := range worst {
		d.Asked, d.Acknowledged, d.Left, d.MissingCount = d.Asked+a.Asked, d.Acknowledged+a.Acknowledged(), d.Left+a.Left, d.MissingCount+a.MissingCount
		if !a.Overtaken.IsZero() && (d.Overtaken.IsZero() || a.Overtaken.Before(d.Overtaken)) {
			d.Overtaken = a.Overtaken
		}
	}
	slices.SortStableFunc(d.Missing, func(a, b ChangeAwaited) int {
		return cmp.Or(strings.Compare(string(a.State), string(b.State)), a.Since.Compare(b.Since), strings.Compare(a.Node, b.Node))
	})
	d.Missing = d.Missing[:min(len(d.Missing), most)]
	return d
}

// Sent says when a client was sent the change first: how long after Consul's answer or, if it was not Consul that said it,
// after it was published. It is empty where there is nothing to say.
func (c *Changed) Sent() string {
	d := c.Delivery
	switch {
	case c.Published.IsZero() && (c.Kind == changes.Service || c.Kind == changes.Policy):
		return "nothing"
	case d == nil:
		return ""
	case !d.FirstSent.IsZero():
		return c.after(d.FirstSent)
	case d.Asked == 0:
		return "no client"
	case d.Overtaken.IsZero():
		return "not yet"
	}
	return "never"
}

// Acked says when the last client acknowledged the change so far, and how many have not; empty where there is nothing to
// say.
func (c *Changed) Acked() string {
	d := c.Delivery
	if d == nil || d.Asked == 0 {
		return ""
	}
	var said []string
	if !d.LastAck.IsZero() {
		said = append(said, c.after(d.LastAck))
	}
	switch {
	case d.MissingCount > 0 && !d.Overtaken.IsZero():
		said = append(said, fmt.Sprintf("%d of %d had it when it was overtaken", d.Acknowledged, d.Asked))
	case d.MissingCount > 0:
		said = append(said, fmt.Sprintf("%d missing", d.MissingCount))
	case d.LastAck.IsZero():
		said = append(said, plural(d.Left, "client")+" left")
	}
	return strings.Join(said, ", ")
}

// after is how long after Consul's answer something was, or after the change was published.
func (c *Changed) after(at time.Time) string {
	from := c.Answered
	if from.IsZero() {
		from = c.Published
	}
	if d := at.Sub(from); d >= time.Millisecond {
		return "+" + brief(d)
	}
	return "<1 ms"
}

// brief is a time as precisely as is of use; under a millisecond it is taken for one.
func brief(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", max(1, d.Milliseconds()))
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return span(d)
}
