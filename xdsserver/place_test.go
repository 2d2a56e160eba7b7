package xdsserver

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"legate/internal/xdstest"
	"legate/translate"
	"legate/xdsserver/admission"
)

// zoned is an assignment with an endpoint in each of three zones, of which nearer ones may be preferred.
func zoned(name string, mark int, near translate.Nearness) translate.Resource {
	a := &endpointv3.ClusterLoadAssignment{ClusterName: name}
	for n, place := range []string{"eu/a", "eu/b", "us/a"} {
		region, zone, _ := strings.Cut(place, "/")
		a.Endpoints = append(a.Endpoints, &endpointv3.LocalityLbEndpoints{
			Locality: &corev3.Locality{Region: region, Zone: zone},
			LbEndpoints: []*endpointv3.LbEndpoint{{HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: &corev3.Address{
				Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{Address: fmt.Sprintf("10.0.%d.%d", mark, n),
					PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 80}}}}}}}},
		})
	}
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(a)
	if err != nil {
		panic(err)
	}
	return translate.Resource{Name: translate.Name{Type: eds, Name: name}, Version: fmt.Sprint("v", mark), Value: value, Near: translate.Near{By: near}}
}

// order is how an assignment in a response orders its zones.
func order(t *testing.T, r *xdstest.Response, name string) string {
	t.Helper()
	a := &endpointv3.ClusterLoadAssignment{}
	if r == nil || r.Resources[name] == nil || r.Resources[name].UnmarshalTo(a) != nil {
		t.Fatalf("%v does not have %s", r, name)
	}
	var all []string
	for _, g := range a.Endpoints {
		all = append(all, fmt.Sprintf("%s/%s=%d", g.Locality.Region, g.Locality.Zone, g.Priority))
	}
	return strings.Join(all, " ")
}

func nodeAt(region, zone string) *corev3.Node {
	return &corev3.Node{Id: "at " + region + "/" + zone, UserAgentName: "envoy", Locality: &corev3.Locality{Region: region, Zone: zone}}
}

const (
	unordered = "eu/a=0 eu/b=0 us/a=0"
	fromB     = "eu/b=0 eu/a=1 us/a=2"
	fromUS    = "us/a=0 eu/a=1 eu/b=1"
)

// placesStory tells a story to clients in several places, in each protocol.
func placesStory(t *testing.T, story func(t *testing.T, s *stage, at func(region, zone string) *xdstest.Client)) {
	for _, p := range []xdstest.Protocol{xdstest.SotW, xdstest.Delta} {
		t.Run(string(p), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := bubbled(t)
				story(t, s, func(region, zone string) *xdstest.Client { return s.tubeOf(p, nodeAt(region, zone)) })
			})
		})
	}
}

// TestAPreferenceReachesOpenStreams: when a policy comes while streams are open, each gets the order of where its node
// stands, and those for which it makes no difference get nothing. When it goes, likewise.
func TestAPreferenceReachesOpenStreams(t *testing.T) {
	placesStory(t, func(t *testing.T, s *stage, at func(region, zone string) *xdstest.Client) {
		s.set(cluster("web", 1), zoned("web", 1, translate.Anywhere))
		b, us, odd, nowhere := at("eu", "b"), at("us", "a"), at("ap", "z"), at("", "")
		all := []*xdstest.Client{b, us, odd, nowhere}
		take := func(c *xdstest.Client, want string) {
			t.Helper()
			r := c.Poll(1e9)
			if got := order(t, r, "web"); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			c.Ack(r)
		}
		for _, c := range all {
			c.Want(eds, "web")
			take(c, unordered)
		}
		for range 2 {
			s.set(zoned("web", 1, translate.ByZone))
			take(b, fromB)
			take(us, fromUS)
			odd.Silence()
			nowhere.Silence()
			s.set(zoned("web", 1, translate.Anywhere))
			take(b, unordered)
			take(us, unordered)
			odd.Silence()
			nowhere.Silence()
		}
		s.set(zoned("web", 1, translate.ByZone)) // from here on a change is one for everybody
		take(b, fromB)
		take(us, fromUS)
		s.set(zoned("web", 2, translate.ByZone))
		take(b, fromB)
		take(us, fromUS)
		take(odd, unordered)
		take(nowhere, unordered)
		for _, c := range all {
			c.Silence()
		}
	})
}

// TestWhoIsNotConcernedByAPreferenceIsNotWaitedFor: those that are sent nothing acknowledge nothing, and nobody reports
// that they are missing.
func TestWhoIsNotConcernedByAPreferenceIsNotWaitedFor(t *testing.T) {
	placesStory(t, func(t *testing.T, s *stage, at func(region, zone string) *xdstest.Client) {
		s.set(cluster("web", 1), zoned("web", 1, translate.Anywhere))
		b, nowhere := at("eu", "b"), at("", "")
		for _, c := range []*xdstest.Client{b, nowhere} {
			c.Want(eds, "web")
			c.Ack(c.Poll(1e9))
		}
		s.set(zoned("web", 1, translate.ByZone))
		b.Ack(b.Poll(1e9))
		nowhere.Silence()
		synctest.Wait()
		e := s.stores[own].table(eds).entries["web"]
		arrivals := s.Arrivals([]Publication{{At: instant(e.changed), Names: []translate.Name{{Type: eds, Name: "web"}}}}, 10)
		if a := arrivals[0][0]; a.Asked != 1 || a.MissingCount != 0 || a.LastAck.IsZero() {
			t.Errorf("it arrived as %+v", a)
		}
		for _, is := range s.Streams() {
			for _, of := range is.Types {
				if of.State != Synced || of.Behind != 0 {
					t.Errorf("%s: %+v", is.Node, of)
				}
			}
		}
	})
}

// TestAStreamThatComesBackToItsPlaceIsSentNothing: versions are those of what is served in a place, on every replica.
func TestAStreamThatComesBackToItsPlaceIsSentNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		versions := map[string]string{}
		for range 2 {
			s := bubbled(t)
			s.set(cluster("web", 1), zoned("web", 1, translate.ByZone))
			for _, zone := range []string{"a", "b"} {
				c := s.tubeOf(xdstest.Delta, nodeAt("eu", zone))
				if versions[zone] == "" {
					c.Want(eds, "web")
					r := c.Poll(1e9)
					versions[zone] = r.Versions["web"]
					continue
				}
				c.Resume(eds, map[string]string{"web": versions[zone]}, "web")
				c.Silence()
				other := s.tubeOf(xdstest.Delta, nodeAt("eu", map[string]string{"a": "b", "b": "a"}[zone]))
				other.Resume(eds, map[string]string{"web": versions[zone]}, "web")
				if got := order(t, other.Poll(1e9), "web"); !strings.HasPrefix(got, "eu/"+map[string]string{"a": "b", "b": "a"}[zone]+"=0") {
					t.Errorf("who moved gets %s", got)
				}
			}
		}
	})
}

// TestARejectedOrderGivesWayToTheOneBefore, which is that of the same place.
func TestARejectedOrderGivesWayToTheOneBefore(t *testing.T) {
	placesStory(t, func(t *testing.T, s *stage, at func(region, zone string) *xdstest.Client) {
		s.set(cluster("web", 1), zoned("web", 1, translate.ByZone))
		c := at("eu", "b")
		c.Want(eds, "web")
		c.Ack(c.Poll(1e9))
		s.set(zoned("web", 2, translate.ByZone))
		c.Nack(c.Poll(1e9), "no")
		r := c.Poll(1e9)
		if got := order(t, r, "web"); got != fromB {
			t.Errorf("in its place comes %s", got)
		}
		c.Ack(r)
		c.Silence()
	})
}

// TestOverRESTAPlaceCountsToo.
func TestOverRESTAPlaceCountsToo(t *testing.T) {
	s := bubbled(t)
	s.set(cluster("web", 1), cluster("db", 1), zoned("web", 1, translate.ByZone), zoned("db", 1, translate.Anywhere))
	seen := map[string]bool{}
	for _, c := range []struct {
		node  *corev3.Node
		names []string
		want  string
	}{
		{nodeAt("eu", "b"), nil, fromB}, {nodeAt("eu", "b"), []string{"web"}, fromB}, {nodeAt("us", "a"), nil, fromUS}, {nodeAt("", ""), nil, unordered},
	} {
		ask := func(version string) (*discoveryv3.DiscoveryResponse, error) {
			var got *discoveryv3.DiscoveryResponse
			a, err := s.Server.fetch(context.Background(), &admission.Address{}, eds, &discoveryv3.DiscoveryRequest{Node: c.node, ResourceNames: c.names, VersionInfo: version},
				func(_ *admission.Answer, r *discoveryv3.DiscoveryResponse) error { got = r; return nil })
			if err == nil {
				a.Release()
			}
			return got, err
		}
		r, err := ask("")
		if err != nil {
			t.Fatal(err)
		}
		as := &xdstest.Response{Resources: map[string]*anypb.Any{}}
		for _, one := range r.Resources {
			a := &endpointv3.ClusterLoadAssignment{}
			if err := one.UnmarshalTo(a); err != nil {
				t.Fatal(err)
			}
			as.Resources[a.ClusterName] = one
		}
		if got := order(t, as, "web"); got != c.want {
			t.Errorf("%v gets %s, want %s", c.node, got, c.want)
		}
		if _, err := ask(r.VersionInfo); err == nil {
			t.Errorf("%v: the same version is sent again", c.node)
		}
		if key := r.VersionInfo; seen[key] {
			t.Errorf("%v has a version that others have", c.node)
		} else {
			seen[key] = true
		}
	}
}

func TestWhereANodeStands(t *testing.T) {
	long := strings.Repeat("x", maxName+1)
	for _, c := range []struct {
		node *corev3.Node
		want translate.Place
	}{
		{nodeAt("eu", "b"), translate.Place{Region: "eu", Zone: "b"}},
		{nodeAt("eu", ""), translate.Place{Region: "eu"}},
		{nodeAt("", "b"), translate.Place{Region: "dc1", Zone: "b"}}, // as an instance without a region
		{nodeAt("", ""), translate.Place{}},
		{&corev3.Node{Id: "edge"}, translate.Place{}},
		{nil, translate.Place{}},
		{nodeAt(long, "b"), translate.Place{}},
		{nodeAt("eu", long), translate.Place{}},
	} {
		if got := placeOf(c.node, "dc1"); got != c.want {
			t.Errorf("%v stands in %v, want %v", c.node, got, c.want)
		}
		if c.node != nil && placeOf(essence(c.node), "dc1") != c.want {
			t.Errorf("of %v is kept %v", c.node, essence(c.node))
		}
	}
}

// TestInventedZonesCostNothing: nodes that say they stand where nobody is get the very resource of everybody, and each
// place where somebody is makes one resource, whoever asks.
func TestInventedZonesCostNothing(t *testing.T) {
	r := newResource(zoned("web", 1, translate.ByZone))
	for n := range 10_000 {
		if got := r.at(translate.Place{Region: fmt.Sprint("r", n), Zone: "a"}); got != r {
			t.Fatal("an invented region gets a resource of its own")
		}
		if got, want := r.at(translate.Place{Region: "eu", Zone: fmt.Sprint("z", n)}), r.at(translate.Place{Region: "eu"}); got != want {
			t.Fatal("an invented zone gets a resource of its own")
		}
	}
	if r.at(translate.Place{Region: "eu", Zone: "a"}) == r || r.at(translate.Place{Region: "us", Zone: "a"}) == r {
		t.Error("zones with endpoints get what everybody gets")
	}
	if len(r.near.made) > 5 {
		t.Errorf("%d resources were made for 3 zones in 2 regions", len(r.near.made))
	}
}
