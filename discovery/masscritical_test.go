package discovery

import (
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/guard"
)

// loud is how often the log says that most of the datacenter turned critical, and whether it is so
// now.
func (r *reader) loud() (times int, now bool) {
	synctest.Wait()
	return r.log.count("level=ERROR"), sample(r.t, r.metrics, "legate_mass_critical") == 1
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
