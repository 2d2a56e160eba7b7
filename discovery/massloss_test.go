package discovery

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestTheLossOfMostOfADatacenterIsHeld(t *testing.T) {
	vanish := func(fake *fakeConsul) {
		for n := range 40 {
			fake.set(name(n), -1)
		}
	}
	t.Run("and ends after an hour", func(t *testing.T) {
		fake := many(50, 2)
		inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
			time.Sleep(time.Minute)
			vanish(fake)
			time.Sleep(59 * time.Minute)
			if n := r.instances(); n != 100 {
				t.Fatalf("%d instances of 100 after 59 min", n)
			}
			if h := r.Holds(); len(h) != 40 || h[0].Why != "datacenter" || h[0].Remedy != massRemedy {
				t.Errorf("%d holds: %+v", len(h), h[0])
			}
			if n := r.log.Count("losses of many services are held"); n == 0 || n > 5 {
				t.Errorf("%d lines tell of it", n)
			}
			until(t, 2*time.Minute, func() bool { return r.instances() == 20 })
		})
	})
	t.Run("and ends when it comes back", func(t *testing.T) {
		fake := many(50, 2)
		inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
			vanish(fake)
			time.Sleep(10 * time.Minute)
			for n := range 40 {
				fake.set(name(n), 2)
			}
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			if c, n := r.now(); n != 1 || len(c.Services) != 50 || len(r.Holds()) != 0 {
				t.Errorf("%d Deltas, %d services, %d holds", n, len(c.Services), len(r.Holds()))
			}
		})
	})
	t.Run("and ends when it is released", func(t *testing.T) {
		fake := many(50, 2)
		inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
			vanish(fake)
			time.Sleep(2 * time.Minute)
			if n := r.Release(t.Context(), "svc-007"); n != 1 || r.size("svc-007") != -1 || r.instances() != 98 {
				t.Errorf("released %d, %d instances are left", n, r.instances())
			}
			if n := r.Release(t.Context(), "nobody"); n != 0 {
				t.Errorf("released %d", n)
			}
			if n := r.Release(t.Context(), ""); n != 39 || r.instances() != 20 {
				t.Errorf("released %d, %d instances are left", n, r.instances())
			}
			fake.set("svc-045", 1)
			if n := r.instances(); n != 19 {
				t.Errorf("what was released counts against what comes after: %d instances", n)
			}
		})
	})
	t.Run("unless the configuration says never", func(t *testing.T) {
		fake := many(50, 2)
		cfg := guardedConfig()
		cfg.Guard.DatacenterHold = 0
		inTime(t, cfg, fake, func(t *testing.T, r *reader) {
			vanish(fake)
			took := until(t, 2*time.Minute, func() bool { return r.instances() == 20 })
			if took < 50*time.Second {
				t.Errorf("held for %v only: a mass loss has no evidence", took)
			}
		})
	})
}

func TestASmallDatacenterThatConsulForgotIsHeldToo(t *testing.T) {
	fake := many(2, 3)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.forget()
		time.Sleep(59 * time.Minute)
		if n := r.instances(); n != 6 {
			t.Fatalf("%d instances, holds %+v", n, r.Holds())
		}
		until(t, 3*time.Minute, func() bool { return r.instances() == 0 })
	})
}

// After Consul has lost its data, services come back one after the other, as their agents find
// out. What has not come back yet is not believed to be gone because most has.
func TestServicesComeBackOneByOneAfterAMassLoss(t *testing.T) {
	fake := many(10, 10)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		for n := range 10 {
			fake.set(name(n), -1)
		}
		time.Sleep(2 * time.Minute)
		if n := r.instances(); n != 100 {
			t.Fatalf("%d instances are served, want all 100", n)
		}
		for n := range 10 {
			for back := range 10 {
				fake.between(name(n), 0, back+1, "passing")
				time.Sleep(time.Second)
				if got := r.instances(); got != 100 {
					t.Fatalf("%d instances are served when %d of %s are back, want all 100", got, back+1, name(n))
				}
			}
		}
		until(t, time.Minute, func() bool { return len(r.Holds()) == 0 })
	})
}

// One that does not come back after a mass loss is waited for; what is deregistered meanwhile is not.
func TestADeregistrationBesideWhatIsWaitedForIsAppliedAtOnce(t *testing.T) {
	fake := many(10, 10)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		for n := range 10 {
			fake.set(name(n), -1)
		}
		time.Sleep(30 * time.Second)
		fake.between(name(0), 0, 9, "passing") // one is missing
		for n := 1; n < 10; n++ {
			fake.between(name(n), 0, 10, "passing")
		}
		until(t, 5*time.Second, func() bool { return len(r.Holds()) == 1 })
		fake.between(name(0), 1, 9, "passing")
		until(t, time.Second, func() bool { return r.size(name(0)) == 9 })
		if h := r.Holds(); len(h) != 1 || h[0].Kept != 1 {
			t.Errorf("holds %+v, want the one that never came back", h)
		}
		fake.between(name(0), 2, 10, "passing") // it comes back as another goes
		if n := r.size(name(0)); n != 8 || len(r.Holds()) != 0 {
			t.Errorf("%d instances, want 8; holds %+v", n, r.Holds())
		}
	})
}

// Who lied may stop lying without a word: queries that wait at the lie's index hear nothing.
func TestWhatComesBackAfterAMassLossWithoutAWordIsSeenWithinSeconds(t *testing.T) {
	fake := many(20, 10)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		for n := range 20 {
			fake.set(name(n), 0)
		}
		time.Sleep(40 * time.Second)
		if n := len(r.Holds()); n != 20 {
			t.Fatalf("%d services are held, want all 20", n)
		}
		for n := range 20 {
			fake.silently(name(n), 10)
		}
		until(t, 5*time.Second, func() bool { return len(r.Holds()) == 0 })
		if n := r.instances(); n != 200 {
			t.Errorf("%d instances are served, want all 200", n)
		}
	})
}

// What never comes back after a mass loss is believed to be gone in the end.
func TestWhatDoesNotComeBackAfterAMassLossGoes(t *testing.T) {
	fake := many(10, 10)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		for n := range 10 {
			fake.set(name(n), -1)
		}
		time.Sleep(time.Minute)
		for n := range 10 {
			fake.between(name(n), 0, 9, "passing")
		}
		time.Sleep(90 * time.Second)
		if n := r.instances(); n != 100 {
			t.Fatalf("%d instances are served after 90 s, want all 100", n)
		}
		until(t, 90*time.Second, func() bool { return r.instances() == 90 })
	})
}

// A service that is back is one as ever, while others are still held: what is deregistered there
// does not wait for them longer than they take.
func TestADeregistrationBesideAMassLossIsNotPartOfIt(t *testing.T) {
	fake := many(10, 10)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		for n := range 10 {
			fake.set(name(n), -1)
		}
		time.Sleep(30 * time.Second)
		fake.between(name(0), 0, 10, "passing")
		until(t, time.Minute, func() bool { return len(r.Holds()) == 9 })
		fake.between(name(0), 0, 9, "passing")
		time.Sleep(5 * time.Second)
		for n := 1; n < 10; n++ {
			fake.between(name(n), 0, 10, "passing")
		}
		until(t, time.Minute, func() bool { return r.size(name(0)) == 9 })
		if n := r.instances(); n != 99 {
			t.Errorf("%d instances are served, want 99", n)
		}
	})
}
