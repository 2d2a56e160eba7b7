package bridge

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"legate/discovery/catalog"
	"legate/translate"
)

// reading runs a bridge beside a Consul that has web in dc2, which is not read yet.
func reading(t *testing.T, story func(r *read)) {
	synctest.Test(t, func(t *testing.T) {
		r := &read{t: t, crossing: newCrossing(translate.DefaultConfig()), deltas: make(chan catalog.Delta)}
		r.listed.Store(atDC2("web"), true)
		r.AwaitRead(5*time.Second, func(key catalog.ServiceKey) bool { _, is := r.listed.Load(key); return is })
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx, r.deltas) }()
		story(r)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

type read struct {
	t *testing.T
	*crossing
	deltas chan catalog.Delta
	listed sync.Map // by keys: what Consul lists and was not asked for
}

func atDC2(name string) catalog.ServiceKey {
	return catalog.ServiceKey{Datacenter: "dc2", Name: name}
}

// takes hands a Delta to the bridge, and waits until it has taken it.
func (r *read) takes(d catalog.Delta) {
	r.deltas <- d
	synctest.Wait()
}

// arrives has discovery read a service of dc2.
func (r *read) arrives(name string) {
	s := service(name, 80)
	s.Key, s.Instances[0].Address = atDC2(name), "10.0.2.1"
	r.takes(catalog.Delta{Set: []catalog.Service{s}})
}

// had are the addresses that clients of web were told one after the other.
func (r *read) had(cluster string) string {
	var all []string
	for _, batch := range r.published.since(0) {
		for _, one := range batch.Set {
			if one.Name != (translate.Name{Type: translate.AssignmentType, Name: cluster}) {
				continue
			}
			m, err := translate.Decode(one)
			if err != nil {
				r.t.Fatal(err)
			}
			of := []string{}
			for _, group := range m.(*endpointv3.ClusterLoadAssignment).Endpoints {
				for _, e := range group.LbEndpoints {
					of = append(of, e.GetEndpoint().GetAddress().GetSocketAddress().GetAddress())
				}
			}
			all = append(all, fmt.Sprint(of))
		}
	}
	return strings.Join(all, " ")
}

// resolver is an entry that redirects a service to a datacenter.
func redirecting(name, to, datacenter string) catalog.Delta {
	return catalog.Delta{Entries: []catalog.Entry{{Key: catalog.EntryKey{Kind: catalog.ServiceResolver, Name: name},
		Resolver: catalog.Resolver{Redirect: &catalog.Target{Service: to, Datacenter: datacenter}}}}}
}

// A resolver that comes at run time takes nothing from clients before what it leads to is there.
func TestAClusterKeepsItsEndpointsUntilWhatItIsLedToIsRead(t *testing.T) {
	reading(t, func(r *read) {
		r.takes(catalog.Delta{Set: []catalog.Service{service("web", 80)}})
		r.takes(redirecting("web", "", "dc2"))
		if !r.State().Resources.Needs(atDC2("web")) {
			t.Error("nobody reads what it is led to")
		}
		moved := service("web", 80)
		moved.Instances[0].Address = "10.0.0.2"
		r.takes(catalog.Delta{Set: []catalog.Service{moved}}) // what it has goes on changing
		time.Sleep(4 * time.Second)
		r.takes(catalog.Delta{Set: []catalog.Service{service("api", 80)}})
		r.arrives("web")
		time.Sleep(time.Minute)
		if had, want := r.had("web"), "[10.0.0.1] [10.0.0.2] [10.0.2.1]"; had != want {
			t.Errorf("clients had %s, want %s", had, want)
		}
	})
}

// So it is if the entry is another service's, and if it is a policy that leads it there.
func TestWhoeverLeadsAClusterElsewhereItKeepsItsEndpointsUntilThatIsRead(t *testing.T) {
	reading(t, func(r *read) {
		first := redirecting("shop", "web", "")
		first.Set = []catalog.Service{service("web", 80)}
		r.takes(first)
		r.takes(redirecting("web", "", "dc2"))
		r.takes(catalog.Delta{Set: []catalog.Service{service("api", 80)}})
		r.arrives("web")
		for _, cluster := range []string{"shop", "web"} {
			if had, want := r.had(cluster), "[10.0.0.1] [10.0.2.1]"; had != want {
				t.Errorf("clients of %s had %s, want %s", cluster, had, want)
			}
		}
	})
	reading(t, func(r *read) {
		r.Adopt(under(t, "services: [{match: {names: [web]}, failover: [dc3]}]"))
		there := service("web", 80)
		there.Key.Datacenter = "dc3"
		r.takes(catalog.Delta{Set: []catalog.Service{there}})
		r.Adopt(under(t, "services: [{match: {names: [web]}, failover: [dc2]}]"))
		time.Sleep(time.Second)
		r.arrives("web")
		if had, want := r.had("web"), "[10.0.0.1] [10.0.2.1]"; had != want {
			t.Errorf("clients had %s, want %s", had, want)
		}
	})
}

// It does not wait for long, nor for what nobody has: what the operator says counts.
func TestAClusterDoesNotWaitForLongForWhatItIsLedTo(t *testing.T) {
	reading(t, func(r *read) {
		r.takes(catalog.Delta{Set: []catalog.Service{service("web", 80)}})
		r.takes(redirecting("web", "", "dc2"))
		time.Sleep(5*time.Second - time.Millisecond)
		if had, want := r.had("web"), "[10.0.0.1]"; had != want {
			t.Errorf("clients had %s, want %s", had, want)
		}
		time.Sleep(2 * lookLed)
		if had, want := r.had("web"), "[10.0.0.1] []"; had != want || !strings.Contains(r.log.String(), "not read in time") {
			t.Errorf("clients had %s, want %s; the log: %s", had, want, r.log)
		}
		r.arrives("web")
		if had, want := r.had("web"), "[10.0.0.1] [] [10.0.2.1]"; had != want {
			t.Errorf("clients had %s, want %s", had, want)
		}
	})
	reading(t, func(r *read) {
		r.takes(catalog.Delta{Set: []catalog.Service{service("web", 80), service("api", 80)}})
		r.takes(redirecting("web", "nobody", ""))
		r.takes(redirecting("api", "", "dc2")) // which has none
		for _, cluster := range []string{"web", "api"} {
			if had, want := r.had(cluster), "[10.0.0.1] []"; had != want {
				t.Errorf("clients of %s had %s, want %s", cluster, had, want)
			}
		}
		if len(r.spreading.changed) > 0 {
			t.Errorf("what changed is kept: %v", r.spreading.changed)
		}
	})
}

// What it is led to can turn out to be nothing, and an entry can be taken back.
func TestAClusterThatNeedNotWaitAnyMoreDoesNot(t *testing.T) {
	reading(t, func(r *read) {
		r.takes(catalog.Delta{Set: []catalog.Service{service("web", 80)}})
		r.takes(redirecting("web", "", "dc2"))
		r.listed.Delete(atDC2("web"))
		time.Sleep(2 * lookLed)
		if had, want := r.had("web"), "[10.0.0.1] []"; had != want {
			t.Errorf("clients had %s, want %s", had, want)
		}
	})
	reading(t, func(r *read) {
		r.takes(catalog.Delta{Set: []catalog.Service{service("web", 80)}})
		r.takes(redirecting("web", "", "dc2"))
		r.takes(catalog.Delta{GoneEntries: []catalog.EntryKey{{Kind: catalog.ServiceResolver, Name: "web"}}})
		time.Sleep(time.Minute)
		if had, want := r.had("web"), "[10.0.0.1]"; had != want || r.State().Resources.Needs(atDC2("web")) {
			t.Errorf("clients had %s, want %s", had, want)
		}
		if len(r.led.units) > 0 || r.led.look != nil {
			t.Errorf("%v wait", r.led.units)
		}
	})
}
