package discovery

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/guard"
)

// sick makes the instances from one number to another critical, or what is said; the others pass.
func (f *fakeConsul) sick(name string, from, to, of int, health string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.put(name, 0, of, "passing")
	for n, e := range f.entries[name] {
		if n >= from && n < to {
			check := e.(map[string]any)["Checks"].([]any)[0].(map[string]any)
			if check["Status"] = health; health == "maintenance" {
				check["CheckID"], check["Status"] = "_node_maintenance", "critical"
			}
		}
	}
	f.wake()
}

// What was bad anyway is reaped: nothing that took traffic is lost.
func TestInstancesThatTookNoTrafficAreNoSuspiciousLoss(t *testing.T) {
	for _, health := range []string{"critical", "maintenance"} {
		t.Run(health, func(t *testing.T) {
			fake := newFakeConsul()
			for n := range 4 {
				fake.put(name(n), 0, 3, "passing")
			}
			inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
				time.Sleep(time.Minute)
				for n := range 4 {
					fake.sick(name(n), 1, 3, 3, health)
				}
				time.Sleep(5 * time.Second)
				for n := range 4 {
					fake.set(name(n), 1) // 8 of 12 go
				}
				if n := r.instances(); n != 4 || len(r.Holds()) > 0 {
					t.Errorf("%d instances are served, want the 4 that Consul has; holds %+v", n, r.Holds())
				}
				fake.set(name(0), -1) // what took traffic is another matter
				synctest.Wait()
				if h := r.Holds(); r.size(name(0)) != 1 || len(h) != 1 || h[0].Why != "emptied" {
					t.Errorf("%d instances of %s, holds %+v", r.size(name(0)), name(0), h)
				}
			})
		})
	}
}

// A service that is critical as a whole takes no traffic, and goes when it is reaped.
func TestAServiceThatIsCriticalAsAWholeGoesWhenItIsReaped(t *testing.T) {
	fake := many(12, 2)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.between(name(0), 0, 2, "critical")
		time.Sleep(time.Minute)
		fake.set(name(0), -1)
		time.Sleep(2 * time.Second)
		if n := r.size(name(0)); n != -1 || len(r.Holds()) > 0 {
			t.Errorf("%d instances, holds %+v", n, r.Holds())
		}
	})
}

// That holds while much of the datacenter goes, too, of a service that has lost something itself.
func TestWhatTookNoTrafficGoesWhileMuchOfTheDatacenterDoes(t *testing.T) {
	fake := many(100, 3)
	fake.put("web", 0, 10, "passing")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.set("web", 9)
		synctest.Wait()
		fake.sick("web", 8, 9, 9, "critical")
		synctest.Wait()
		for n := range 60 {
			fake.set(name(n), 2)
		}
		synctest.Wait()
		held := len(r.Holds())
		fake.set("web", 8)
		if n := r.size("web"); n != 8 || held == 0 || len(r.Holds()) != held {
			t.Errorf("%d instances of web, want 8; %d holds, and %d before", n, len(r.Holds()), held)
		}
	})
}

// Health is no loss: who turns critical in the same answer, or shortly before, counts on neither side.
func TestHealthIsNoLoss(t *testing.T) {
	fake := many(12, 2)
	fake.put("web", 0, 10, "passing")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.sick("web", 0, 6, 9, "critical") // one of ten goes, and six turn critical
		if n := r.size("web"); n != 9 || len(r.Holds()) > 0 {
			t.Errorf("%d instances, holds %+v", n, r.Holds())
		}
		fake.sick("web", 0, 6, 8, "critical") // 1 of the 3 that take traffic
		if n := r.size("web"); n != 8 || len(r.Holds()) > 0 {
			t.Errorf("%d instances, holds %+v", n, r.Holds())
		}
		fake.between("web", 0, 10, "passing") // all are well again
		time.Sleep(2 * time.Minute)
		fake.between("web", 0, 4, "passing")
		synctest.Wait()
		if h := r.Holds(); r.size("web") != 10 || len(h) != 1 || h[0].Why != "shrunk" {
			t.Errorf("%d instances, holds %+v", r.size("web"), h)
		}
	})
}

// New instances that do not take traffic yet do not make up for those that did.
func TestInstancesThatTakeNoTrafficYetReplaceNothing(t *testing.T) {
	fake := many(12, 2)
	fake.put("web", 0, 6, "passing")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.between("web", 10, 16, "critical")
		if n := r.size("web"); n != 12 || len(r.Holds()) != 1 {
			t.Errorf("%d instances, want the old ones beside the new ones: %+v", n, r.Holds())
		}
		time.Sleep(3 * time.Second)
		fake.between("web", 10, 16, "passing")
		if n := r.size("web"); n != 6 || len(r.Holds()) != 0 {
			t.Errorf("%d instances, want the new ones: %+v", n, r.Holds())
		}
	})
	t.Run("and a second look is enough where they never do", func(t *testing.T) {
		fake := many(12, 2)
		fake.put("web", 0, 6, "passing")
		inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
			time.Sleep(time.Minute)
			fake.between("web", 10, 16, "critical")
			took := until(t, time.Minute, func() bool { return r.size("web") == 6 })
			if took < 9*time.Second || took > 15*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	})
}

// Under serve-all, what turned critical with most of the datacenter goes on taking traffic, and
// its loss counts.
func TestWhatIsServedAlthoughItIsCriticalIsLost(t *testing.T) {
	for policy, want := range map[string]string{guard.Believe: "4 instances, no holds", guard.ServeAll: "40 instances, 18 holds"} {
		fake := many(20, 2)
		cfg := guardedConfig()
		cfg.Guard.MassCritical = policy
		inTime(t, cfg, fake, func(t *testing.T, r *reader) {
			time.Sleep(time.Minute)
			for n := range 18 {
				fake.between(name(n), 0, 2, "critical")
			}
			time.Sleep(10 * time.Minute)
			for n := range 18 {
				fake.set(name(n), -1)
			}
			time.Sleep(30 * time.Second)
			holds := r.Holds()
			got := fmt.Sprintf("%d instances, %d holds", r.instances(), len(holds))
			if len(holds) == 0 {
				got = fmt.Sprintf("%d instances, no holds", r.instances())
			}
			if got != want {
				t.Errorf("%s: %s, want %s", policy, got, want)
			}
			if slices.ContainsFunc(holds, func(h Hold) bool { return h.Why != "datacenter" }) {
				t.Errorf("%s: %+v", policy, holds)
			}
		})
	}
}
