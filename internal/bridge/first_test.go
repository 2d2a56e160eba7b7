package bridge

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/translate"
)

// awaiting runs a bridge whose first batch waits until a service of dc2 is there that web fails over to.
func awaiting(t *testing.T, story func(c *crossing, deltas chan<- catalog.Delta, needed func() bool)) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrossing(translate.DefaultConfig())
		there, told := catalog.ServiceKey{Datacenter: "dc2", Name: "web"}, false
		c.OnInterest(func(...catalog.ServiceKey) { told = c.State().Resources.Needs(there) })
		c.Await(5*time.Second, func(r translate.Resources) bool {
			_, is := r.Service(there)
			return r.Needs(there) && !is
		})
		served := 0
		c.OnServed(func() {
			if served++; !c.State().Ready() {
				t.Error("it is told before the first batch was published")
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		deltas, ended := make(chan catalog.Delta), make(chan error, 1)
		go func() { ended <- c.Run(ctx, deltas) }()
		story(c, deltas, func() bool { synctest.Wait(); return told })
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if ready := c.State().Ready(); ready && served != 1 || !ready && served != 0 {
			t.Errorf("published: %v; it is told of that %d times", ready, served)
		}
	})
}

func failingOver() catalog.Delta {
	web := service("web", 80)
	web.Instances[0].Meta = map[string]string{"legate-failover": "dc2"}
	return catalog.Delta{Set: []catalog.Service{web}}
}

// Else a start would take the endpoints of dc2 from each client that connects again.
func TestTheFirstBatchHasWhatItFailsOverTo(t *testing.T) {
	awaiting(t, func(c *crossing, deltas chan<- catalog.Delta, needed func() bool) {
		deltas <- failingOver()
		if !needed() || c.State().Ready() || len(c.published.since(0)) > 0 {
			t.Fatalf("web.dc2 is needed: %v; published already: %v", needed(), c.published.since(0))
		}
		deltas <- catalog.Delta{Set: []catalog.Service{service("api", 80)}} // deltas go on being taken
		c.Adopt(under(t, "services: [{match: {names: [api]}, connect_timeout: 3s}]"))
		time.Sleep(time.Second)
		if needed(); c.State().Ready() {
			t.Fatal("published without web.dc2")
		}
		there := service("web", 80)
		there.Key.Datacenter = "dc2"
		deltas <- catalog.Delta{Set: []catalog.Service{there}}
		if needed(); !c.State().Ready() || len(c.published.since(0)[0].Set) != 6 {
			t.Errorf("published %v", c.published.since(0))
		}
		if e, is := c.State().Resources.Explain("web"); !is || len(e.Instances) != 2 {
			t.Errorf("web has %+v", e.Instances)
		}
		time.Sleep(time.Minute)
		if c.published.timeouts["api"] != 3*time.Second {
			t.Errorf("the policy that came meanwhile is not in force: %v", c.published.timeouts)
		}
	})
}

func TestTheFirstBatchDoesNotWaitForLong(t *testing.T) {
	awaiting(t, func(c *crossing, deltas chan<- catalog.Delta, needed func() bool) {
		deltas <- failingOver()
		time.Sleep(5*time.Second - time.Millisecond)
		if needed(); c.State().Ready() {
			t.Error("published too early")
		}
		time.Sleep(2 * lookFirst)
		if needed(); !c.State().Ready() {
			t.Error("not published")
		}
	})
	awaiting(t, func(c *crossing, deltas chan<- catalog.Delta, needed func() bool) { // nor does it hold up the end
		deltas <- failingOver()
		needed()
	})
}
