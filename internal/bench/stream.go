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

// plan is what a client subscribes to.
type plan struct {
	delta bool
	wants []want
	// held are the versions of what a reconnecting client holds, which is its whole subscription
	// (incremental only); nil: nothing.
	held *versions
	// learn records the versions that the client gets (incremental only); nil: not recorded.
	learn *versions
	// window is the size of HTTP/2 windows; 0 is Envoy's.
	window int32
	// before is called before each response is read.
	before func(ctx context.Context)
}

// want is a subscription to one type. It can wait for the answer to the one before it: Envoy knows
// its assignments only when it has the clusters.
type want struct {
	kind     int
	wildcard []string // for subscriptions to everything: the names in the request, nil or {"*"}
	services []int    // for subscriptions by name
	names    []byte   // services, encoded for the protocol; shared between streams
	waits    bool
}

// stream is one client. Its goroutine owns it while it has the clients' read lock.
type stream struct {
	*clients
	number int
	conn   *grpc.ClientConn
	plan   plan
	asked  int // number of wants that were sent
	holds  [kinds]holding
	wrong  int // number of resources that are not as expected
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

// judge updates the counts after a resource changed from right or wrong (was) to right or wrong
// (is).
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
				default: // a wake-up is already pending
				}
			}
		}
	}
}

// run subscribes, then stores and acknowledges responses, until the context is done.
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

// take stores the content of a response.
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

// check compares everything that the stream holds with the expected content.
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
