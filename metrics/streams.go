package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// maxStreams is how many open streams have series of their own. The others share the series
// of the stream label _overflow.
const maxStreams = 200

// streams counts the exchanges of each open stream. It is a prometheus.Collector, so that the
// series of a stream go when the stream goes.
type streams struct {
	requests  *prometheus.Desc
	responses *prometheus.Desc
	nodes     nodes

	mu   sync.Mutex
	open map[string]*stream // by Stream.ID, at most maxStreams
	rest map[[2]string]*exchange
}

// stream is what one open stream has exchanged, by type label. Its node is that of its first
// message that names one: a later change is not believed.
type stream struct {
	protocol string
	node     string
	types    map[string]*exchange
}

type exchange struct{ requests, responses uint64 }

func newStreams() *streams {
	labels := []string{"stream", "node", "type", "protocol"}
	return &streams{
		requests: prometheus.NewDesc("legate_xds_stream_requests_total",
			"Requests on each open xDS stream. Series leave when their stream closes; legate_xds_requests_total keeps the sum.", labels, nil),
		responses: prometheus.NewDesc("legate_xds_stream_responses_total",
			"Responses on each open xDS stream. Series leave when their stream closes; legate_xds_responses_total keeps the sum.", labels, nil),
		nodes: nodes{now: time.Now, used: map[string]*nodeUse{}},
		open:  map[string]*stream{},
		rest:  map[[2]string]*exchange{},
	}
}

// begin gives a stream series of its own while there is room.
func (s *streams) begin(id, protocol string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) < maxStreams {
		s.open[id] = &stream{protocol: protocol, types: map[string]*exchange{}}
	}
}

// end takes a stream's series away.
func (s *streams) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st, ok := s.open[id]; ok {
		if st.node != "" {
			s.nodes.leave(st.node)
		}
		delete(s.open, id)
	}
}

// count adds to what a stream has exchanged.
func (s *streams) count(id, protocol, node, typ string, requests, responses uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.open[id]
	if !ok {
		add(s.rest, [2]string{typ, protocol}, requests, responses)
		return
	}
	if st.node == "" && node != "" {
		st.node = s.nodes.enter(node)
	}
	add(st.types, typ, requests, responses)
}

func add[K comparable](m map[K]*exchange, k K, requests, responses uint64) {
	e := m[k]
	if e == nil {
		e = &exchange{}
		m[k] = e
	}
	e.requests += requests
	e.responses += responses
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

// snapshot makes the metrics under the lock and sends none: a slow reader holds up no stream.
func (s *streams) snapshot() []prometheus.Metric {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []prometheus.Metric
	emit := func(e *exchange, id, node, typ, protocol string) {
		out = append(out,
			prometheus.MustNewConstMetric(s.requests, prometheus.CounterValue, float64(e.requests), id, node, typ, protocol),
			prometheus.MustNewConstMetric(s.responses, prometheus.CounterValue, float64(e.responses), id, node, typ, protocol))
	}
	for id, st := range s.open {
		node := st.node
		if node == "" {
			node = anonymous
		}
		for typ, e := range st.types {
			emit(e, id, node, typ, st.protocol)
		}
	}
	for k, e := range s.rest {
		emit(e, overflow, overflow, k[0], k[1])
	}
	return out
}
