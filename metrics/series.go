package metrics

import "github.com/prometheus/client_golang/prometheus"

// series are the counters of one type and protocol. Finding a series by its labels costs more than
// counting, so those of the types that are served are looked up once, at the start.
type series struct {
	requests                    map[string]prometheus.Counter // by kind
	responses, resources, bytes prometheus.Counter
}

func (x *XDS) newSeries(typ, protocol string) *series {
	s := &series{
		requests:  make(map[string]prometheus.Counter, len(requestKinds)),
		responses: x.responses.WithLabelValues(typ, protocol),
		resources: x.resources.WithLabelValues(typ, protocol),
		bytes:     x.bytes.WithLabelValues(typ, protocol),
	}
	for _, kind := range requestKinds {
		s.requests[kind] = x.requests.WithLabelValues(typ, protocol, kind)
	}
	return s
}

// request counts a request by kind. The series may be nil.
func (x *XDS) request(s *series, typ, protocol, kind string) {
	if s != nil && s.requests[kind] != nil {
		s.requests[kind].Inc()
		return
	}
	x.requests.WithLabelValues(typ, protocol, oneOf(kind, requestKinds...)).Inc()
}

// response counts a response. The series may be nil.
func (x *XDS) response(s *series, typ, protocol string, resources, bytes int) {
	if s == nil { // Legate only responds with types that it serves
		s = x.newSeries(typ, protocol)
	}
	s.responses.Inc()
	s.resources.Add(float64(resources))
	s.bytes.Add(float64(bytes))
}
