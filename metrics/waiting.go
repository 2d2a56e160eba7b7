package metrics

import (
	"cmp"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Subscription is how far an open stream is with a type that it asks for.
type Subscription struct {
	Stream *Stream
	Node   string
	Type   string // URL
	State  string // one of the fixed ones; see subscriptionStates
	// Waits is for how long the client has not had all that it is to get, or has rejected something; 0: it has all.
	Waits time.Duration
}

// subscriptionStates are the states of a subscription, and the words for them everywhere else.
var subscriptionStates = []string{"synced", "stale", "not_sent", "nacked"}

// Limits on the series of streams that have none of their own otherwise.
const (
	maxWaiting  = 50
	longWaiting = 5 * time.Second // every client waits for some milliseconds after each change
)

// waiting asks at each scrape how far the streams are. It is a prometheus.Collector, so that one walk through the
// streams gives all series.
type waiting struct {
	states, waits *prometheus.Desc
	streams       *streams
	served        *[]string // labels of the types of which there are always series
	of            atomic.Pointer[func() []Subscription]
}

func newWaiting(d declarer, s *streams, served *[]string) *waiting {
	desc := func(d declarer, name, help string, labels ...label) *prometheus.Desc {
		return prometheus.NewDesc(name, help, d.declare(name, "gauge", help, labels), nil)
	}
	state := of("state", subscriptionStates...)
	return &waiting{
		streams: s, served: served,
		states: desc(d.once("the server has begun"), "legate_xds_subscriptions",
			"Types that open streams ask for, by state: synced (the client has acknowledged all), stale (something is not acknowledged yet, as for some milliseconds after each change), not_sent, nacked (it rejects something that has not changed since).",
			typeOf, state),
		waits: desc(d.once("a stream has asked for something; they leave with it"), "legate_xds_stream_waiting_seconds",
			"For how long the client of an open stream has not had all that it is to get, or has rejected something. 0: it has all.",
			label{name: "stream", bound: fmt.Sprintf("id of a stream, for the %d that have series of their own, and the %d others that wait longest, for more than %v", maxStreams, maxWaiting, longWaiting)},
			label{name: "node", bound: fmt.Sprintf("node id, cut to %d bytes, for %d; `%s` beyond, `%s` without one", maxNodeLen, maxNodes, overflow, anonymous)},
			typeOf, protocolOf, state),
	}
}

// Subscriptions sets the function that each scrape asks how far the open streams are with what they ask for.
func (x *XDS) Subscriptions(of func() []Subscription) {
	if x != nil {
		x.waiting.of.Store(&of)
	}
}

// Describe implements prometheus.Collector.
func (w *waiting) Describe(ch chan<- *prometheus.Desc) {
	ch <- w.states
	ch <- w.waits
}

// Collect implements prometheus.Collector.
func (w *waiting) Collect(ch chan<- prometheus.Metric) {
	var all []Subscription
	if of := w.of.Load(); of != nil {
		all = (*of)()
	}
	count := map[[2]string]int{}
	for _, typ := range *w.served {
		for _, state := range subscriptionStates {
			count[[2]string{typ, state}] = 0
		}
	}
	type key struct{ stream, typ string }
	worst := map[key]Subscription{} // types without a label of their own share one
	for _, s := range all {
		typ := typeLabel(s.Type)
		count[[2]string{typ, s.State}]++
		k := key{s.Stream.ID, typ}
		if was, known := worst[k]; !known || s.Waits > was.Waits {
			worst[k] = s
		}
	}
	for k, n := range count {
		ch <- prometheus.MustNewConstMetric(w.states, prometheus.GaugeValue, float64(n), k[0], k[1])
	}
	var others []Subscription
	emit := func(s Subscription, node string) {
		ch <- prometheus.MustNewConstMetric(w.waits, prometheus.GaugeValue, s.Waits.Seconds(), s.Stream.ID, node, typeLabel(s.Type), s.Stream.Protocol, s.State)
	}
	for _, s := range worst {
		if s.Stream.own {
			node, _ := s.Stream.counted()
			emit(s, node)
		} else if s.Waits > longWaiting {
			others = append(others, s)
		}
	}
	slices.SortFunc(others, func(a, b Subscription) int { return cmp.Compare(b.Waits, a.Waits) })
	for _, s := range others[:min(len(others), maxWaiting)] {
		node := w.streams.nodes.acquire(s.Node)
		w.streams.nodes.release(node)
		emit(s, node)
	}
}
