package discovery

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/guard"
	"legate/internal/metricstest"
)

// loud is how often the log says that most of the datacenter turned critical, and whether it is so
// now.
func (r *reader) loud() (times int, now bool) {
	synctest.Wait()
	return r.log.Count("level=ERROR"), metricstest.Sum(r.t, r.metrics, "legate_mass_critical") == 1
}

// What turned critical one after the other, long ago, is no mass, whatever else is said of it, and
// however few turn critical then.
func TestWhatTurnedCriticalLongAgoIsNoPartOfAMass(t *testing.T) {
	fake := many(20, 2)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		for n := range 12 {
			fake.between(name(n), 0, 2, "critical")
			time.Sleep(62 * time.Second)
		}
		for n := range 12 { // another comes to each
			fake.sick(name(n), 0, 2, 3, "critical")
		}
		for n := 12; n < 16; n++ {
			fake.between(name(n), 0, 2, "critical")
		}
		if times, now := r.loud(); times != 0 || now {
			t.Errorf("the log says %d times that it is a mass, and the metric %v", times, now)
		}
	})
}

// Two services are no mass, however large they are, and three are.
func TestAMassIsOfThreeServices(t *testing.T) {
	fake := many(10, 1)
	fake.put("big", 0, 10, "passing")
	fake.put("large", 0, 10, "passing")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(2 * time.Minute)
		fake.between(name(0), 0, 1, "critical")
		fake.between(name(1), 0, 1, "critical")
		synctest.Wait()
		fake.set(name(0), -1)
		fake.set(name(1), 1)
		time.Sleep(2 * time.Second)
		fake.between("big", 0, 10, "critical")
		fake.between("large", 0, 10, "critical")
		if times, now := r.loud(); times != 0 || now {
			t.Errorf("of two: the log says %d times that it is a mass, and the metric %v", times, now)
		}
		fake.between(name(2), 0, 1, "critical")
		if times, now := r.loud(); times != 1 || !now {
			t.Errorf("of three: the log says %d times that it is a mass, and the metric %v", times, now)
		}
		fake.set("big", 10)
		if times, now := r.loud(); times != 1 || now {
			t.Errorf("afterwards: the log says %d times that it is a mass, and the metric %v", times, now)
		}
	})
}

// What was critical before the mass stays so, although the rest of its service is served as it was.
func TestWhatWasCriticalBeforeAMassStaysSo(t *testing.T) {
	fake := many(10, 2)
	cfg := guardedConfig()
	cfg.Guard.MassCritical = guard.ServeAll
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		fake.sick(name(0), 0, 1, 2, "critical")
		time.Sleep(2 * time.Minute)
		for n := range 10 {
			fake.between(name(n), 0, 2, "critical")
		}
		synctest.Wait()
		c, _ := r.now()
		for n := range 10 {
			healths := []catalog.Health{catalog.Passing, catalog.Passing}
			if n == 0 {
				healths[0] = catalog.Critical
			}
			if !r.has(name(n), healths...)(c) {
				t.Errorf("%s is not %v", name(n), healths)
			}
		}
	})
}

func TestMostOfADatacenterTurnsCriticalAtOnce(t *testing.T) {
	health := func(r *reader) string {
		synctest.Wait()
		c, _ := r.now()
		count := map[catalog.Health]int{}
		for _, s := range c.Services {
			for _, i := range s.Instances {
				count[i.Health]++
			}
		}
		return fmt.Sprint(count[catalog.Passing], "+", count[catalog.Critical])
	}
	for policy, want := range map[string]string{guard.Believe: "6+34", guard.ServeAll: "38+2"} {
		t.Run(policy, func(t *testing.T) {
			fake := many(20, 2)
			cfg := guardedConfig()
			cfg.Guard.MassCritical = policy
			inTime(t, cfg, fake, func(t *testing.T, r *reader) {
				time.Sleep(time.Minute)
				fake.between("svc-019", 0, 2, "critical")
				if got := health(r); got != "38+2" {
					t.Errorf("one service: %s", got)
				}
				time.Sleep(2 * time.Minute)
				for n := range 16 {
					fake.between(name(n), 0, 2, "critical")
				}
				if got := health(r); got != want {
					t.Errorf("most: %s, want %s", got, want)
				}
				p := r.Status().Problems
				if !slices.ContainsFunc(p, func(p catalog.Problem) bool { return p.Kind == "mass_critical" && strings.Contains(p.Detail, policy) }) {
					t.Errorf("problems: %+v", p)
				}
				for _, p := range p {
					if strings.Contains(p.Remedy, "--mass-critical") == (policy == guard.ServeAll) {
						t.Errorf("policy %s, remedy %q", policy, p.Remedy)
					}
				}
				if n := r.log.Count("level=ERROR"); n != 1 {
					t.Errorf("%d loud lines", n)
				}
				// Whoever is on call changes the policy while it lasts, and back again.
				other := map[string]string{guard.Believe: guard.ServeAll, guard.ServeAll: guard.Believe}[policy]
				for _, step := range []struct{ policy, want string }{
					{other, map[string]string{guard.Believe: "6+34", guard.ServeAll: "38+2"}[other]}, {policy, want},
				} {
					r.MassCritical(step.policy)
					if got := health(r); got != step.want {
						t.Errorf("after a change to %s: %s, want %s", step.policy, got, step.want)
					}
					if p := r.Status().Problems; !slices.ContainsFunc(p, func(p catalog.Problem) bool { return strings.Contains(p.Detail, step.policy) }) {
						t.Errorf("problems: %+v", p)
					}
				}
				for n := range 8 {
					fake.between(name(n), 0, 2, "passing")
				}
				if got := health(r); got != "22+18" {
					t.Errorf("when it is over: %s", got)
				}
				if n := len(r.Status().Problems); n > 0 {
					t.Errorf("%d problems are left", n)
				}
			})
		})
	}
}

// A wave of failing checks takes its time. What is said of it keeps up, and counts what there is.
func TestTheNumbersOfAMassThatTurnsCriticalKeepUp(t *testing.T) {
	for _, policy := range []string{guard.Believe, guard.ServeAll} {
		fake := many(19, 2)
		cfg := guardedConfig()
		cfg.Guard.MassCritical = policy
		inTime(t, cfg, fake, func(t *testing.T, r *reader) {
			time.Sleep(time.Minute)
			for n := range 18 {
				fake.between(name(n), 0, 2, "critical")
				time.Sleep(2 * time.Second)
			}
			p := r.Status().Problems
			if len(p) != 1 || !strings.HasPrefix(p[0].Detail, "36 of 38 instances are critical, and 36 of these turned so together") || p[0].Services != 18 || p[0].Queries != 0 {
				t.Errorf("%s: %+v", policy, p)
			}
		})
	}
}
