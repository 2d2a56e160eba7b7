package discovery

import (
	"testing"
	"testing/synctest"
	"time"
)

// lost is a datacenter that Consul has forgotten all of a minute after the start, and that has been
// held for another half.
func lost(t *testing.T, r *reader, fake *fakeConsul, services, instances int) {
	t.Helper()
	time.Sleep(time.Minute)
	for n := range services {
		fake.set(name(n), -1)
	}
	time.Sleep(30 * time.Second)
	if n := r.instances(); n != services*instances {
		t.Fatalf("%d instances are served after the loss, want all %d", n, services*instances)
	}
}

// Agents look after what they have registered every minute or two, and not all at the same time.
// For as long as something comes back, what has not come yet is waited for; then it is gone.
func TestWhatComesBackSlowlyAfterAMassLossIsWaitedFor(t *testing.T) {
	fake := many(12, 5)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		lost(t, r, fake, 12, 5)
		for n := range 10 { // a quarter of an hour in all
			time.Sleep(100 * time.Second)
			fake.set(name(n), 5)
			if got := r.instances(); got != 60 {
				t.Fatalf("%d instances are served when %d of 12 services are back, want all 60", got, n+1)
			}
		}
		time.Sleep(100 * time.Second)
		if h := r.Holds(); len(h) != 2 || h[0].Kept != 5 || h[0].Until.IsZero() || time.Until(h[0].Until) > time.Minute {
			t.Errorf("holds %+v, want the two that are not back, for some seconds more", h)
		}
		if took := until(t, time.Minute, func() bool { return r.instances() == 50 }); took < 19*time.Second {
			t.Errorf("what never came back went %v after the last that did, want two minutes", 100*time.Second+took)
		}
	})
}

// The instances of one service, too, come back one after the other.
func TestTheInstancesOfAServiceComeBackSlowly(t *testing.T) {
	fake := many(10, 10)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		lost(t, r, fake, 10, 10)
		for n := 1; n < 10; n++ {
			fake.set(name(n), 10)
		}
		for back := range 9 {
			time.Sleep(100 * time.Second)
			fake.set(name(0), back+1)
			if got := r.size(name(0)); got != 10 {
				t.Fatalf("%d instances are served when %d of 10 are back, want all 10", got, back+1)
			}
		}
		if took := until(t, 3*time.Minute, func() bool { return r.size(name(0)) == 9 }); took < 110*time.Second {
			t.Errorf("the last one went %v after the others were back, want two minutes", took)
		}
		fake.set(name(0), 8) // all that is over
		if n := r.size(name(0)); n != 8 {
			t.Errorf("%d instances, want 8", n)
		}
	})
}

// However long things go on to come back, what is missing when the loss of most of a datacenter is
// held no longer is believed to be gone.
func TestWhatIsNotBackInTimeIsGone(t *testing.T) {
	fake := many(30, 1)
	cfg := guardedConfig()
	cfg.Guard.DatacenterHold = 10 * time.Minute
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		lost(t, r, fake, 30, 1)
		back := 17
		for n := range back {
			fake.set(name(n), 1)
		}
		for range 5 {
			time.Sleep(100 * time.Second)
			fake.set(name(back), 1)
			back++
			if got := r.instances(); got != 30 {
				t.Fatalf("%d instances are served when %d are back, want all 30", got, back)
			}
		}
		took := until(t, 75*time.Second, func() bool { return r.instances() == back && len(r.Holds()) == 0 })
		if took < 60*time.Second {
			t.Errorf("it went %v after the loss, want 10 minutes", took+530*time.Second)
		}
	})
}

// It may take less than a second until most is back.
func TestWhatComesBackSlowlyAfterAMomentIsWaitedForToo(t *testing.T) {
	fake := many(10, 10)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute + 100*time.Millisecond)
		for n := range 10 {
			fake.set(name(n), 0)
			synctest.Wait()
		}
		time.Sleep(500 * time.Millisecond)
		for n := range 9 {
			fake.set(name(n), 10)
		}
		fake.set(name(9), 3)
		time.Sleep(90 * time.Second)
		if n := r.size(name(9)); n != 10 {
			t.Errorf("%d instances after 90 s, want all 10", n)
		}
	})
}

// A service that lost few of its instances with most of the datacenter was deployed just then: that
// is believed when the others are back, and waits for nobody.
func TestASmallLossBesideAMassLossIsOneOfItsOwn(t *testing.T) {
	fake := many(12, 5)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		for n := range 10 {
			fake.set(name(n), -1)
		}
		synctest.Wait()
		fake.set(name(10), 4)
		time.Sleep(30 * time.Second)
		if n := r.size(name(10)); n != 5 {
			t.Fatalf("%d instances, want all 5 while most of the datacenter is gone", n)
		}
		for n := range 9 {
			fake.set(name(n), 5)
		}
		until(t, 15*time.Second, func() bool { return r.size(name(10)) == 4 })
		if h := r.Holds(); len(h) != 1 || h[0].Service != name(9) {
			t.Errorf("holds %+v, want the one that is not back", h)
		}
	})
}

// The minute for which a service's last instances are kept begins when they are gone, however long
// others were held before, and what else changes does not begin it anew.
func TestTheMinuteOfTheLastInstancesBeginsOnce(t *testing.T) {
	fake := many(6, 2)
	fake.put("web", 0, 10, "passing")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		for n := range 4 {
			fake.unlist(name(n)) // so that nothing is evidence
		}
		fake.set("web", 1)
		until(t, time.Second, func() bool { return len(r.Holds()) == 1 })
		fake.stop()
		time.Sleep(70 * time.Second)
		fake.resume()
		fake.between("web", 0, 1, "critical")
		until(t, time.Minute, func() bool { return r.Holds()[0].Why == "emptied" })
		began := time.Now()
		for n := range 11 {
			time.Sleep(5 * time.Second)
			fake.sick("web", 0, 1, 1, []string{"maintenance", "critical"}[n%2])
			if got := r.size("web"); got != 10 {
				t.Fatalf("%d instances %v after the last one that takes traffic went, want 10", got, time.Since(began))
			}
		}
		until(t, 7*time.Second, func() bool { return r.size("web") == 1 })
	})
}

// What changes otherwise meanwhile, such as the health of what is there, brings nothing back, and
// is no reason to wait for longer.
func TestHealthThatChangesAfterAMassLossBringsNothingBack(t *testing.T) {
	fake := many(10, 10)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.set(name(0), 2)
		for n := 1; n < 10; n++ {
			fake.set(name(n), -1)
		}
		time.Sleep(30 * time.Second)
		for n := 1; n < 10; n++ {
			fake.set(name(n), 10)
		}
		for n := range 10 {
			time.Sleep(11 * time.Second)
			fake.between(name(0), 0, 2, []string{"warning", "passing"}[n%2])
			if got := r.instances(); got != 100 {
				t.Fatalf("%d instances are served %d s after the others are back, want all 100", got, 11*(n+1))
			}
		}
		until(t, 15*time.Second, func() bool { return r.size(name(0)) == 2 })
	})
}
