package xdsserver

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/translate"
	"legate/translate/policy"
)

// zonesFleet is the Resources of services that prefer as said. Each has two instances in each of six zones, two to a
// region, with what Consul says of an instance by itself.
func zonesFleet(t testing.TB, services int, prefer string) translate.Resources {
	t.Helper()
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte("defaults: {prefer: " + prefer + "}")}})
	if err != nil {
		t.Fatal(err)
	}
	c := translate.DefaultConfig()
	c.Datacenter = "dc1"
	r, _ := translate.New(c).With(p)
	var d catalog.Delta
	for n := range services {
		s := catalog.Service{Key: catalog.ServiceKey{Datacenter: "dc1", Name: fmt.Sprintf("service-%05d", n)}}
		for i := range 12 {
			place := sixZones()[i/2]
			s.Instances = append(s.Instances, catalog.Instance{
				ID: fmt.Sprintf("s-%d-%d", n, i), Node: fmt.Sprintf("node-%02d", i), Address: fmt.Sprintf("10.%d.%d.%d", n>>8, n&255, i+1), Port: 8080,
				Checks:   []catalog.Check{{ID: fmt.Sprintf("service:s-%d-%d", n, i), Status: "passing"}, {ID: "serfHealth", Status: "passing", Node: true}},
				NodeMeta: map[string]string{"consul-network-segment": "", "consul-version": "1.22.7"},
				Tagged:   map[string]catalog.TaggedAddress{"lan_ipv4": {Address: fmt.Sprintf("10.%d.%d.%d", n>>8, n&255, i+1), Port: 8080}, "wan_ipv4": {Address: fmt.Sprintf("10.%d.%d.%d", n>>8, n&255, i+1), Port: 8080}},
				Tags:     []string{fmt.Sprintf("v%d", n)}, Weights: catalog.Weights{Passing: 1, Warning: 1}, Locality: place,
			})
		}
		d.Set = append(d.Set, s)
	}
	r, _ = r.Apply(d)
	return r
}

func sixZones() (all []translate.Place) {
	for _, region := range []string{"eu-west", "eu-north", "us-east"} {
		for _, zone := range []string{"a", "b"} {
			all = append(all, translate.Place{Region: region, Zone: region + zone})
		}
	}
	return all
}

// TestSixZonesCostLittleMoreMemoryThanOneView: what is held for 1,000 services, all of which prefer zones, once somebody
// has asked from each of six zones, is at most 1.5 times what is held without preferences. It says how much.
func TestSixZonesCostLittleMoreMemoryThanOneView(t *testing.T) {
	const services = 1000
	one := heldBy(func() any { return servedIn(zonesFleet(t, services, "none"), nil) })
	six := heldBy(func() any { return servedIn(zonesFleet(t, services, "zone"), sixZones()) })
	t.Logf("one view: %.0f bytes for a service; six zones: %.0f; ratio %.2f", one/services, six/services, six/one)
	if six > 1.5*one {
		t.Errorf("six zones take %.2f times what one view takes", six/one)
	}
	invented := heldBy(func() any {
		var many []translate.Place
		for n := range 1000 {
			many = append(many, translate.Place{Region: fmt.Sprint("r", n), Zone: "a"}, translate.Place{Region: "eu-west", Zone: fmt.Sprint("z", n)})
		}
		return servedIn(zonesFleet(t, services/10, "zone"), many)
	})
	if invented > 1.5*one/10 {
		t.Errorf("2,000 invented zones take %.2f times what one view takes", 10*invented/one)
	}
}

// servedIn is a server's memory of Resources after somebody has asked from each place.
func servedIn(r translate.Resources, places []translate.Place) any {
	st := newStore(own)
	st.publish(r.Diff(translate.Resources{}), time.Now())
	for n, place := range places {
		st.stands(n, place)
	}
	return []any{r, st}
}

// heldBy is how many bytes a value holds.
func heldBy(value func() any) float64 {
	before := liveBytes()
	v := value()
	after := liveBytes()
	runtime.KeepAlive(v)
	return after - before
}

func liveBytes() float64 {
	runtime.GC()
	runtime.GC() // what had a finalizer
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
