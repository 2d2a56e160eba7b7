package xdsserver

import (
	"fmt"
	"hash/maphash"
	"slices"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"

	"legate/internal/xdstest"
	"legate/translate"
)

// What a change and an acknowledgement cost the server beside gRPC. internal/bench measures the
// whole of it.

const benchServices, benchStreams = 10_000, 1_000

func benchName(i int) string { return fmt.Sprintf("service-%05d", i) }

// benchStore holds a fleet and the subscriptions of many streams to its assignments.
func benchStore(b *testing.B, want func(s *subscription, stream int)) (*store, []*subscription) {
	st := newStore(own)
	var whole translate.Batch
	for i := range benchServices {
		whole.Set = append(whole.Set, assignment(benchName(i), 1))
	}
	st.publish(whole, time.Now())
	var subs []*subscription
	for n := range benchStreams {
		s := &subscription{table: st.table(eds), slot: st.attach(func() {})}
		want(s, n)
		if _, _, err := s.due(nil); err != nil {
			b.Fatal(err)
		}
		subs = append(subs, s)
	}
	return st, subs
}

// BenchmarkOneChange publishes a change and makes the response of each stream that wants it.
func BenchmarkOneChange(b *testing.B) {
	for _, c := range []struct {
		name string
		want func(s *subscription, stream int)
		due  int
	}{
		{"wildcard", func(s *subscription, _ int) { s.everything(nil) }, benchStreams},
		{"few names", func(s *subscription, stream int) { // 100 of the streams name the one that changes
			_ = s.subscribe(listed([]string{benchName(stream % 10), benchName(10 + stream)}...), nil)
		}, benchStreams / 10},
		{"no names", func(s *subscription, stream int) { _ = s.subscribe(listed([]string{benchName(10 + stream)}...), nil) }, 0},
	} {
		b.Run(c.name, func(b *testing.B) {
			st, subs := benchStore(b, c.want)
			w := &deltaWire{deltaServer: deltaServer{Server: &Server{config: DefaultConfig()}}}
			var bodies []body
			b.ReportAllocs()
			for n := 2; b.Loop(); n++ {
				st.publish(translate.Batch{Set: []translate.Resource{assignment(benchName(0), n)}}, time.Now())
				due := 0
				for _, s := range subs {
					entries, _, err := s.due(nil)
					if err != nil {
						b.Fatal(err)
					}
					if len(entries) > 0 {
						bodies = w.bodies(bodies[:0], s, entries)
						w.frame(s.table, &bodies[0], "1")
						due++
					}
				}
				if due != c.due {
					b.Fatalf("%d streams get something, want %d", due, c.due)
				}
			}
		})
	}
}

// BenchmarkAcknowledgement reads a state-of-the-world request that repeats all names.
func BenchmarkAcknowledgement(b *testing.B) {
	m := &discoveryv3.DiscoveryRequest{VersionInfo: "v", TypeUrl: eds, ResponseNonce: "1"}
	for i := range benchServices {
		m.ResourceNames = append(m.ResourceNames, benchName(i))
	}
	encoded, err := proto.Marshal(m)
	if err != nil {
		b.Fatal(err)
	}
	c, seed := DefaultConfig(), maphash.MakeSeed()
	seen := scanner{fields: sotwFields, limits: &c.Limits, most: c.MaxNames}
	first := &sotwRequest{seed: seed}
	whole := slices.Clone(encoded)
	if err := first.decode(&whole, seen); err != nil {
		b.Fatal(err)
	}
	before := map[string]nameSum{eds: first.sum}
	b.SetBytes(int64(len(encoded)))
	b.ReportAllocs()
	for b.Loop() {
		r := &sotwRequest{seed: seed, before: before}
		whole = append(whole[:0], encoded...)
		if err := r.decode(&whole, seen); err != nil || r.sum != first.sum {
			b.Fatal("not recognised", err)
		}
	}
}

// BenchmarkExchange publishes a change, which a stream is sent and acknowledges. There is no network.
func BenchmarkExchange(b *testing.B) {
	for _, p := range []xdstest.Protocol{xdstest.SotW, xdstest.Delta} {
		b.Run(string(p), func(b *testing.B) {
			s := bubbled(b)
			s.set(service("web", 1)...)
			c := s.tube(p, "edge")
			c.Want(eds, "web")
			c.Accept(eds, "web@1")
			b.ReportAllocs()
			for n := 2; b.Loop(); n++ {
				s.set(assignment("web", n))
				c.Ack(c.Read())
			}
		})
	}
}

// BenchmarkStream opens a stream that asks for one name, and ends it. There is no network.
func BenchmarkStream(b *testing.B) {
	s := bubbled(b, func(c *Config) { c.Limits.NewStreams, c.Limits.NewStreamsBurst = 1e9, 1e9 })
	s.set(service("web", 1)...)
	b.ReportAllocs()
	for b.Loop() {
		c := s.tube(xdstest.Delta, "edge")
		c.Want(eds, "web")
		c.Accept(eds, "web@1")
		c.Close()
		_ = c.Ended()
	}
}
