package xdsclient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"go.uber.org/goleak"

	"legate/discovery/catalog"
	"legate/internal/compare"
	"legate/translate"
	"legate/xdsserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a server whose catalog changes, and that can be restarted on the same port.
type world struct {
	t       *testing.T
	address string
	server  *xdsserver.Server
	said    catalog.Catalog
	is      translate.Resources
	stop    func()
}

func newWorld(t *testing.T, services ...catalog.Service) *world {
	t.Helper()
	config := translate.DefaultConfig()
	config.Datacenter = "dc1"
	w := &world{t: t, address: "127.0.0.1:0", is: translate.New(config), said: catalog.New(), stop: func() {}}
	w.say(services...)
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

func (w *world) start() {
	w.t.Helper()
	config := xdsserver.DefaultConfig()
	config.StopTimeout, config.Drain = time.Second, xdsserver.Drain{}
	server, err := xdsserver.New(config, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	at, err := net.Listen("tcp", w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, at, nil) }()
	w.address, w.server = at.Addr().String(), server
	w.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("the server: %v", err)
		}
		w.stop, w.server = func() {}, nil
	}
	w.publish(w.is.Diff(translate.Resources{}))
}

func (w *world) publish(b translate.Batch) {
	if w.server != nil {
		w.server.Publish(xdsserver.View{Datacenter: "dc1", Kind: xdsserver.Envoy}, b)
	}
}

// say makes these the catalog.
func (w *world) say(services ...catalog.Service) {
	next := catalog.New()
	for _, s := range services {
		next.Services[s.Key] = s
	}
	is, _ := w.is.Apply(w.said.Diff(next))
	w.publish(is.Diff(w.is))
	w.said, w.is = next, is
}

// service is one with instances on these ports of an address.
func service(name string, ports ...int) catalog.Service {
	s := catalog.Service{Key: catalog.ServiceKey{Datacenter: "dc1", Name: name}}
	for _, p := range ports {
		s.Instances = append(s.Instances, catalog.Instance{ID: fmt.Sprint(p), Node: "n", Address: "10.0.0.1", Port: p, Weights: catalog.Weights{Passing: 1, Warning: 1}})
	}
	return s
}

// story is a client whose events are read one after the other.
type story struct {
	*Client
	t      *testing.T
	events chan Event
	has    map[string]string // what the client held at the last event
	told   chan map[string]string
	ended  chan error
}

func (w *world) watch(names ...string) *story { return w.watchWith(func(*Config) {}, names...) }

func (w *world) watchWith(change func(*Config), names ...string) *story {
	config := DefaultConfig()
	config.Address, config.Names, config.Backoff = w.address, names, 10*time.Millisecond
	config.Node = &corev3.Node{Id: "legate-watch/test", Cluster: "c", UserAgentName: "legate-watch"}
	change(&config)
	s := &story{Client: New(config), t: w.t, events: make(chan Event), told: make(chan map[string]string, 1), ended: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		s.ended <- s.Run(ctx, func(e Event) error {
			has := s.all()
			select {
			case s.events <- e:
				s.told <- has
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		close(s.ended)
	}()
	w.t.Cleanup(func() {
		cancel()
		for range s.ended {
		}
	})
	return s
}

// next returns the next event.
func (s *story) next() Event {
	s.t.Helper()
	select {
	case e := <-s.events:
		s.has = <-s.told
		return e
	case err := <-s.ended:
		s.t.Fatalf("it ended: %v", err)
	case <-time.After(time.Minute):
		s.t.Fatal("nothing happens")
	}
	return nil
}

// until reads events to the first one that is a T, and returns it with the lines of what changed on the way.
func until[T Event](s *story) (T, []string) {
	s.t.Helper()
	var lines []string
	for {
		e := s.next()
		if last, is := e.(T); is {
			return last, lines
		}
		if c, is := e.(Changed); is {
			lines = append(lines, s.lines(c)...)
		}
	}
}

// changes reads changes until their lines are those.
func (s *story) changes(want ...string) {
	s.t.Helper()
	var got []string
	for len(got) < len(want) {
		c, is := s.next().(Changed)
		if !is {
			continue
		}
		got = append(got, s.lines(c)...)
	}
	if !slices.Equal(got, want) {
		s.t.Fatalf("\n got %q\nwant %q", got, want)
	}
}

func (s *story) lines(all Changed) (lines []string) {
	s.t.Helper()
	for _, c := range all {
		for _, one := range compare.Changes(c.Name, s.decode(c.Name, c.Before), s.decode(c.Name, c.After)) {
			lines = append(lines, one.String())
		}
	}
	return lines
}

func (s *story) decode(name string, from State) (out compare.Service) {
	s.t.Helper()
	for typeURL, value := range map[string][]byte{translate.ClusterType: from.Cluster, translate.AssignmentType: from.Assignment} {
		if err := out.Put(translate.Resource{Name: translate.Name{Type: typeURL, Name: name}, Value: value}); err != nil {
			s.t.Fatal(err)
		}
	}
	return out
}

const (
	webComes = "web  + cluster (EDS, panic threshold 0%, connect_timeout 5s)"
	web1     = "10.0.0.1:1 (region dc1, weight 1)"
	web2     = "10.0.0.1:2 (region dc1, weight 1)"
)

func TestItGetsWhatAnEnvoyGets(t *testing.T) {
	w := newWorld(t, service("web", 1), service("idle"))
	s := w.watch()
	if c, is := s.next().(Connected); !is || c.Again {
		t.Errorf("%v", c)
	}
	synced, lines := until[Synced](s)
	if slices.Sort(lines); len(synced.Missing) > 0 || !slices.Equal(lines, []string{strings.Replace(webComes, "web", "idle", 1), "web  + " + web1, webComes}) {
		t.Errorf("%v %q", synced, lines)
	}
	w.say(service("web", 1, 2), service("idle"))
	s.changes("web  + " + web2)
	w.say(service("web", 2), service("idle"))
	s.changes("web  - " + web1)
	w.say(service("idle"))
	s.changes("web  - "+web2, "web  - cluster")
	w.say(service("web", 1), service("idle"))
	s.changes(webComes, "web  + "+web1)
	stream := w.server.Streams()[0]
	if stream.Node != "legate-watch/test" || stream.Agent != "legate-watch" || stream.Cluster != "c" {
		t.Errorf("%+v", stream)
	}
	for _, one := range stream.Types {
		if one.Nacks != 0 {
			t.Errorf("%+v", one)
		}
	}
}

func TestAServerWithoutServicesIsThereAtOnce(t *testing.T) {
	s := newWorld(t).watch()
	if _, lines := until[Synced](s); len(lines) != 0 {
		t.Errorf("%q", lines)
	}
}

func TestWithNamesItGetsThoseOnly(t *testing.T) {
	w := newWorld(t, service("web", 1), service("other", 3))
	s := w.watch("web", "nosuch")
	synced, lines := until[Synced](s)
	if slices.Sort(lines); !slices.Equal(synced.Missing, []string{"nosuch"}) || !slices.Equal(lines, []string{"web  + " + web1, webComes}) {
		t.Errorf("%v %q", synced, lines)
	}
	w.say(service("web", 1), service("other", 4))
	w.say(service("web", 1), service("nosuch", 2))
	s.changes(strings.Replace(webComes, "web", "nosuch", 1), "nosuch  + "+web2)
}

func TestAfterARestartItGetsWhatHasChanged(t *testing.T) {
	for _, names := range [][]string{nil, {"web", "gone", "same"}} {
		w := newWorld(t, service("web", 1), service("gone", 1), service("same", 9))
		s := w.watch(names...)
		until[Synced](s)
		w.stop()
		if lost, _ := until[Lost](s); lost.Cause == nil || lost.Retry <= 0 {
			t.Errorf("%v", lost)
		}
		w.say(service("web", 1, 2), service("same", 9))
		w.start()
		if c, _ := until[Connected](s); !c.Again {
			t.Error("it does not say that it was connected before")
		}
		var got []string
		for len(got) < 3 {
			if c, is := s.next().(Changed); is {
				got = append(got, s.lines(c)...)
			}
		}
		slices.Sort(got)
		if want := []string{"gone  - " + web1, "gone  - cluster", "web  + " + web2}; !slices.Equal(got, want) {
			t.Errorf("%v:\n got %q\nwant %q", names, got, want)
		}
	}
}

// Whatever happens, in whatever order, the client holds what the server has.
func TestItHoldsWhatTheServerHas(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	w := newWorld(t)
	s := w.watch()
	until[Synced](s)
	for round := range 60 {
		var services []catalog.Service
		for _, name := range []string{"a", "b", "c", "d"} {
			if draw.IntN(3) > 0 {
				services = append(services, service(name, draw.Perm(5)[:draw.IntN(4)]...))
			}
		}
		services = append(services, service("mark", round+1))
		restart := draw.IntN(10) == 0
		if restart {
			w.stop()
		}
		w.say(services...)
		if restart {
			w.start()
		}
		want := map[string]string{}
		for r := range w.is.All() {
			want[r.Type+" "+r.Name.Name] = string(r.Value)
		}
		for !maps.Equal(s.has, want) { // if it never is so, there is no next event
			s.next()
		}
	}
}

// all is what the client holds.
func (s *story) all() map[string]string {
	all := map[string]string{}
	for name, state := range s.All() {
		if state.Cluster != nil {
			all[translate.ClusterType+" "+name] = string(state.Cluster)
		}
		if state.Assignment != nil {
			all[translate.AssignmentType+" "+name] = string(state.Assignment)
		}
	}
	return all
}

func TestItHoldsNoMoreThanItMay(t *testing.T) {
	w := newWorld(t, service("web", 1))
	s := w.watchWith(func(c *Config) { c.MaxBytes = 10 })
	s.next() // connected
	if err := <-s.ended; err == nil || !strings.Contains(err.Error(), "name the services") {
		t.Errorf("%v", err)
	}
}

func TestTheHandlersErrorEndsIt(t *testing.T) {
	w := newWorld(t)
	enough := errors.New("enough")
	err := New(Config{Address: w.address, Node: &corev3.Node{Id: "x"}, MaxBytes: 1, Backoff: time.Second}).Run(t.Context(), func(Event) error { return enough })
	if !errors.Is(err, enough) {
		t.Errorf("%v", err)
	}
}

func TestItWaitsAsLongAsTheServerAsksFor(t *testing.T) {
	w := newWorld(t)
	w.stop()
	s := w.watchWith(func(c *Config) { c.MaxBackoff = 40 * time.Millisecond })
	for range 5 {
		if lost, is := s.next().(Lost); !is || lost.Retry > 40*time.Millisecond || lost.Retry < 5*time.Millisecond {
			t.Fatalf("%v", lost)
		}
	}
}
