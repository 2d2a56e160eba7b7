package metrics

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// maxStreams is how many open streams have series of their own. The others share series with the
// stream label _overflow.
const maxStreams = 200

// streams counts the exchanges of each open stream. It is a prometheus.Collector, so that the
// series of a stream disappear with it.
type streams struct {
	requests  *prometheus.Desc
	responses *prometheus.Desc
	nodes     nodes

	mu     sync.Mutex
	open   map[*Stream]struct{} // at most maxStreams
	others map[[2]string]*tally // by type and protocol
}

// tally counts the exchanges of a type.
type tally struct{ requests, responses atomic.Uint64 }

func newStreams(d declarer) *streams {
	d = d.once("a stream has asked for something; they leave with it")
	labels := []label{
		{name: "stream", bound: fmt.Sprintf("id of a stream, such as `delta-7`, for %d at once; the others share `%s`", maxStreams, overflow)},
		{name: "node", bound: fmt.Sprintf("node id, cut to %d bytes, for %d; `%s` beyond, `%s` without one", maxNodeLen, maxNodes, overflow, anonymous)},
		typeOf, protocolOf,
	}
	counter := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, d.declare(name, "counter", help, labels), nil)
	}
	return &streams{
		requests: counter("legate_xds_stream_requests_total",
			"Requests on each open xDS stream. Series leave when their stream closes; legate_xds_requests_total keeps the sum."),
		responses: counter("legate_xds_stream_responses_total",
			"Responses on each open xDS stream. Series leave when their stream closes; legate_xds_responses_total keeps the sum."),
		nodes:  nodes{now: time.Now, used: map[string]*nodeUse{}},
		open:   map[*Stream]struct{}{},
		others: map[[2]string]*tally{},
	}
}

// begin gives a stream series of its own, up to maxStreams.
func (s *streams) begin(st *Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.own = len(s.open) < maxStreams; st.own {
		s.open[st] = struct{}{}
	}
}

// end removes the series of a stream.
func (s *streams) end(st *Stream) {
	if !st.own {
		return
	}
	s.mu.Lock()
	delete(s.open, st)
	s.mu.Unlock()
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.node != "" {
		s.nodes.release(st.node)
	}
}

// shared returns the counts of streams without series of their own, for a type and protocol.
func (s *streams) shared(typ, protocol string) *tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := [2]string{typ, protocol}
	if s.others[k] == nil {
		s.others[k] = &tally{}
	}
	return s.others[k]
}

// Describe implements prometheus.Collector.
func (s *streams) Describe(ch chan<- *prometheus.Desc) {
	ch <- s.requests
	ch <- s.responses
}

// Collect implements prometheus.Collector.
func (s *streams) Collect(ch chan<- prometheus.Metric) {
	for _, m := range s.snapshot() {
		ch <- m
	}
}

// snapshot makes the metrics under the lock but sends none: a slow scraper must not block streams.
func (s *streams) snapshot() []prometheus.Metric {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []prometheus.Metric
	emit := func(t *tally, id, node, typ, protocol string) {
		out = append(out,
			prometheus.MustNewConstMetric(s.requests, prometheus.CounterValue, float64(t.requests.Load()), id, node, typ, protocol),
			prometheus.MustNewConstMetric(s.responses, prometheus.CounterValue, float64(t.responses.Load()), id, node, typ, protocol))
	}
	for st := range s.open {
		node, types := st.counted()
		for _, e := range types {
			emit(e.tally, st.ID, node, e.typ, st.Protocol)
		}
	}
	for k, t := range s.others {
		emit(t, overflow, overflow, k[0], k[1])
	}
	return out
}
