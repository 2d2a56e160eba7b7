package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
)

// plan is what a client asks for.
type plan struct {
	delta bool
	wants []want
	// held is what the client comes back with, if it does: all that it asks for, in these versions
	// (incremental only).
	held *versions
	// learn is where the client notes the versions that it gets, if anywhere (incremental only).
	learn *versions
	// window is of HTTP/2 flow control; 0 is Envoy's.
	window int32
	// before is called before each response is read.
	before func(ctx context.Context)
}

// want is a subscription. One that waits for the subscription before it to be answered is sent
// then: Envoy knows which assignments it wants only when it has the clusters.
type want struct {
	kind     int
	wildcard []string // how everything is asked for, if it is: nil names nothing, {"*"} names that
	services []int    // what is asked for by name, if anything
	names    []byte   // services, encoded for the protocol; shared between streams
	waits    bool
}

// stream is one client. Its goroutine owns it while it holds the clients' lock for reading.
type stream struct {
	*clients
	number int
	conn   *grpc.ClientConn
	plan   plan
	asked  int // how many wants were sent
	holds  [kinds]holding
	wrong  int // how many resources it does not hold as it should
	got    traffic
}

// holding is what a stream holds of a type: of everything, or of what it named.
type holding struct {
	all  []mark
	some map[int]mark
}

func (h holding) of(service int) (mark, bool) {
	if h.all != nil {
		return h.all[service], true
	}
	m, asked := h.some[service]
	return m, asked
}

func (h holding) set(service int, m mark) {
	if h.all != nil {
		h.all[service] = m
		return
	}
	h.some[service] = m
}

func newStream(c *clients, number int, conn *grpc.ClientConn, p plan) *stream {
	s := &stream{clients: c, number: number, conn: conn, plan: p}
	for _, w := range p.wants {
		h := &s.holds[w.kind]
		switch {
		case w.services == nil || len(w.services) == len(c.want[w.kind]):
			h.all = make([]mark, len(c.want[w.kind]))
			if p.held != nil {
				copy(h.all, c.want[w.kind])
				continue
			}
			s.wrong += len(h.all)
		default:
			h.some = make(map[int]mark, len(w.services))
			for _, i := range w.services {
				h.some[i] = 0
			}
			s.wrong += len(h.some)
		}
	}
	if s.wrong > 0 {
		c.wrong.Add(1)
	}
	return s
}

// judge counts one resource that was right or not, and is now.
func (s *stream) judge(was, is bool) {
	switch {
	case was && !is:
		s.wrong++
		if s.wrong == 1 {
			s.clients.wrong.Add(1)
		}
	case !was && is:
		s.wrong--
		if s.wrong == 0 {
			s.last.Store(time.Now().UnixNano())
			if s.clients.wrong.Add(-1) == 0 {
				select {
				case s.right <- struct{}{}:
				default: // somebody is told already
				}
			}
		}
	}
}

// run subscribes, then takes and acknowledges what comes, until the context is done.
func (s *stream) run(ctx context.Context) error {
	method := discoveryv3.AggregatedDiscoveryService_StreamAggregatedResources_FullMethodName
	if s.plan.delta {
		method = discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResources_FullMethodName
	}
	desc := &grpc.StreamDesc{StreamName: "bench", ServerStreams: true, ClientStreams: true}
	g, err := s.conn.NewStream(ctx, desc, method, grpc.WaitForReady(true))
	if err != nil {
		return err
	}
	if err := s.ask(g); err != nil {
		return err
	}
	for {
		if s.plan.before != nil {
			s.plan.before(ctx)
		}
		r := &response{delta: s.plan.delta}
		if err := g.RecvMsg(r); err != nil {
			return err
		}
		err := s.take(r)
		if err == nil {
			err = s.send(g, s.ack(r))
		}
		r.free()
		if err == nil && s.asked < len(s.plan.wants) {
			err = s.ask(g)
		}
		if err != nil {
			return err
		}
	}
}

func (s *stream) send(g grpc.ClientStream, b mem.BufferSlice) error {
	s.sent.Add(1)
	return g.SendMsg(b)
}

// ask sends the next wants, up to one that waits for an answer.
func (s *stream) ask(g grpc.ClientStream) error {
	for first := true; s.asked < len(s.plan.wants); first = false {
		w := s.plan.wants[s.asked]
		if w.waits && !first {
			return nil
		}
		if err := s.send(g, s.question(w, s.asked == 0)); err != nil {
			return err
		}
		s.asked++
	}
	return nil
}

// take keeps what is in a response.
func (s *stream) take(r *response) error {
	kind := numberOf(r.typeURL)
	if kind < 0 {
		return fmt.Errorf("got a response of type %q", r.typeURL)
	}
	now := time.Now()
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.got.responses++
	s.got.bytes += int64(r.size)
	return r.each(func(name, version, value []byte) error {
		s.got.resources++
		i := s.catalog.indexOf(string(name))
		if i < 0 {
			return fmt.Errorf("got %q, which the fleet does not have", name)
		}
		have, asked := s.holds[kind].of(i)
		if !asked {
			return fmt.Errorf("got %q, which was not asked for", name)
		}
		m := s.of(value)
		s.judge(have == s.want[kind][i], m == s.want[kind][i])
		s.holds[kind].set(i, m)
		if s.plan.learn != nil {
			s.plan.learn[kind][i] = string(version)
		}
		if s.observe != nil {
			s.observe(s, kind, i, m, now)
		}
		return nil
	})
}

// check compares all that the stream holds with what it should hold.
func (s *stream) check() error {
	for kind, h := range s.holds {
		if h.all != nil && !slices.Equal(h.all, s.want[kind]) {
			return fmt.Errorf("holds wrong resources of type %q", typeURLs[kind])
		}
		for i, m := range h.some {
			if m != s.want[kind][i] {
				return fmt.Errorf("holds a wrong %q of type %q", nameOf(i), typeURLs[kind])
			}
		}
	}
	return nil
}
