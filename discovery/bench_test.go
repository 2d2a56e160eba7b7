package discovery

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/watch"
)

// BenchmarkAnswered is the way of one answer through the event loop: past the guard, into the pending
// Delta, which is taken. It is about one of 1,000 services of ten instances.
func BenchmarkAnswered(b *testing.B) {
	const services, instances = 1000, 10
	w, err := newWatcher(DefaultConfig(), slog.New(slog.NewTextHandler(io.Discard, nil)), nil, newFakeConsul())
	if err != nil {
		b.Fatal(err)
	}
	l := newLoop(w, w.queries, catalog.Site{Datacenter: "dc1"}, time.Now())
	l.ctx = b.Context()
	list := watch.Listed{Names: consul.Listing{"consul": nil}, At: time.Now(), Index: 5}
	for n := range services {
		list.Names[name(n)] = nil
	}
	l.handle(list)
	index := uint64(10)
	answer := func(n, port int) {
		s := l.services.byName[name(n)]
		r := consul.Reading{Service: catalog.Service{Key: s.Key}}
		for i := range instances {
			r.Service.Instances = append(r.Service.Instances, catalog.Instance{ID: string(rune('a' + i)), Node: "n", Address: "10.0.0.1", Port: port})
		}
		index++
		l.handle(watch.Answered{Service: s.Service, Reading: r, Reply: consul.Reply{Index: index, At: time.Now()}})
	}
	for n := range services {
		answer(n, 80)
	}
	if d := l.served.pending.delta(l.served.catalog); len(d.Set) != services {
		b.Fatalf("%d services", len(d.Set))
	}
	l.served.pending.sent()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		answer(n%services, 81+n/services)
		if d := l.served.pending.delta(l.served.catalog); len(d.Set) != 1 {
			b.Fatalf("%d services in the delta", len(d.Set))
		}
		l.served.pending.sent()
	}
}
