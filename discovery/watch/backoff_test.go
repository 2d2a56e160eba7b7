package watch

import (
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/consul"
)

func TestPausesDoubleUpToTheirMost(t *testing.T) {
	b := backoff{min: time.Second, max: 6 * time.Second}
	for range 2 { // a success starts it over
		for _, want := range []time.Duration{1, 2, 4, 6, 6} {
			if got := b.ceiling(); got != want*time.Second {
				t.Errorf("up to %v, want %v", got, want*time.Second)
			}
			if got := b.next(); got < 0 || got >= want*time.Second {
				t.Errorf("a pause of %v, want less than %v", got, want*time.Second)
			}
		}
		b.reset()
	}
	if b := (backoff{min: time.Second, max: 4 * time.Second, failures: 2}); b.ceiling() != 4*time.Second {
		t.Errorf("up to %v, want what is its most exactly", b.ceiling())
	}
}

func TestWhatAListCostsDecidesHowOftenItIsAskedFor(t *testing.T) {
	var c listCost
	for _, s := range []struct {
		took  time.Duration
		names int
		want  time.Duration // pause after it
	}{
		{50 * time.Millisecond, 10, time.Second},       // the least
		{900 * time.Millisecond, 10, time.Second},      // it waited
		{400 * time.Millisecond, 100, 4 * time.Second}, // less for each name
		{300 * time.Millisecond, 100, 3 * time.Second}, // and less still
		{300 * time.Millisecond, 100, 3 * time.Second}, // as much
		{time.Hour, 200, listAtMost},                   // twice as many names, twice the cost, the most
		{time.Nanosecond, 0, time.Second},              // none is like one
		{time.Hour, 2, time.Second},                    // the shortest counts
	} {
		c.learn(s.took, s.names)
		if got := c.pause(s.names); got != s.want {
			t.Errorf("after %v for %d names: %v, want %v", s.took, s.names, got, s.want)
		}
	}
}

// All that wait are woken when one is answered again. Who fails even so begins with short pauses.
func TestWhoWaitsIsWokenWhenOneIsAnsweredAgain(t *testing.T) {
	inTime(t, nil, func(t *testing.T, a *asking) {
		a.Complete()
		all := a.watching("a", "b", "c")
		for range 5 {
			time.Sleep(restful)
			a.spoilWith(lose)
			time.Sleep(10 * time.Minute)
			a.take(isService)
			a.spoilWith(only(aboutOf("c"), lose))
			for a.Fails(all[0]) && a.Fails(all[1]) && a.ListFails() {
				time.Sleep(time.Millisecond)
				synctest.Wait()
			}
			time.Sleep(time.Second)
			if a.Fails(all[0]) || a.Fails(all[1]) || a.ListFails() || !a.Fails(all[2]) {
				t.Errorf("a second after the first was answered: problems %+v", a.Status().Problems)
			}
			if n := len(a.take(aboutOf("c"))); n < 3 {
				t.Errorf("who failed even so was tried %d times in that second", n)
			}
			a.spoilWith(nil)
		}
	})
}

// Nobody rushes in: who was told that one is answered again even so waits for a short pause that it draws, and no
// pause is longer than the longest.
func TestNobodyRushesInWhenOneIsAnsweredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAsking(t, func(cfg *Config, _ *consul.Config) { cfg.BackoffMax = 1000 * time.Hour }) // no pause ends by itself
		all := time.Duration(0)
		for range 40 {
			pause := a.backoff()
			pause.failures = 30
			a.outages.failed("one", errListEmpty, time.Now())
			began := time.Now()
			go func() {
				time.Sleep(time.Microsecond)
				a.outages.answered("one", time.Now())
			}()
			a.backOff(t.Context(), &pause)
			took := time.Since(began)
			all += took
			if took > a.cfg.BackoffMin || pause.failures != 0 {
				t.Errorf("it waits %v, and then has failed %d times", took, pause.failures)
			}
			began = time.Now()
			a.backOff(t.Context(), &pause)
			if time.Since(began) > a.cfg.BackoffMin || pause.failures != 1 {
				t.Errorf("with nobody answered it waits %v", time.Since(began))
			}
		}
		if all < 40*a.cfg.BackoffMin/4 {
			t.Errorf("40 waits are %v together, want half of %v each", all, a.cfg.BackoffMin)
		}
	})
}
