package watch

import (
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/consul"
	"legate/internal/metricstest"
)

func withCanary(cfg *Config, _ *consul.Config) { cfg.Canary = DefaultConfig().Canary } // 15 s

// What the canary finds out is told once, and so soon.
func TestWhatTheCanarySees(t *testing.T) {
	inTime(t, withCanary, func(t *testing.T, a *asking) {
		time.Sleep(restful - time.Second)
		if got := told[Restart](a); len(got) > 0 {
			t.Errorf("all is well, and told %+v", got)
		}
		a.putAt(5, listPath, consul.Listing{"consul": {}}) // who waits for a higher one hears nothing
		time.Sleep(15 * time.Second)
		if got := told[Restart](a); len(got) != 1 || !got[0].IndexWentBack || got[0].Why == "" || time.Since(got[0].At) > 15*time.Second {
			t.Errorf("after the index went back: %+v", got)
		}
		if n := metricstest.Sum(t, a.metrics, "legate_consul_index_resets_total"); n != 1 {
			t.Errorf("%v indexes went back, want 1", n)
		}
		a.listing.restart() // as the caller does
		a.spoilWith(only(isCanary, hang))
		time.Sleep(time.Minute)
		if !a.ListFails() || a.Status().Problems[0].Kind != "timeout" || len(told[Restart](a)) > 0 {
			t.Errorf("a Consul that does not answer is not called one: %+v", a.Status())
		}
		a.spoilWith(nil)
		time.Sleep(11 * time.Second) // the last one that hangs has to end
		if got := told[Restart](a); len(got) != 1 || got[0].IndexWentBack || got[0].Why == "" || got[0].At.IsZero() || a.ListFails() {
			t.Errorf("after it was back: %+v, %+v", got, a.Status())
		}
		time.Sleep(5 * time.Minute)
		if got := told[Restart](a); len(got) > 0 {
			t.Errorf("and again: %+v", got)
		}
		a.spoilWith(lose)
		time.Sleep(time.Minute)
		a.spoilWith(nil)
		time.Sleep(time.Minute)
		if got := told[Restart](a); len(got) > 0 {
			t.Errorf("a Consul that could not be reached has heard nothing that may be old: %+v", got)
		}
	})
}

// The query for the list may see an index that went back before the canary does: its wait ends, or it is asked anew after a
// failure. Then the canary has nothing to compare with, and the queries for services would wait their full time.
func TestAListWhoseIndexWentBackSaysSoItself(t *testing.T) {
	for name, ends := range map[string]func(a *asking){
		"its wait is over": func(*asking) { time.Sleep(2 * time.Minute) },
		"it fails": func(a *asking) {
			a.spoilWith(only(isList, lose))
			time.Sleep(time.Second)
			a.spoilWith(nil)
			time.Sleep(10 * time.Second)
		},
	} {
		inTime(t, nil, func(t *testing.T, a *asking) {
			a.list("web")
			time.Sleep(restful)
			told[Listed](a)
			a.putAt(5, listPath, consul.Listing{"consul": {}, "web": {}})
			ends(a)
			if got := told[Restart](a); len(got) != 1 || !got[0].IndexWentBack || got[0].Why == "" || got[0].At.IsZero() {
				t.Errorf("%s: told %+v", name, got)
			}
			if n := metricstest.Sum(t, a.metrics, "legate_consul_index_resets_total"); n != 1 {
				t.Errorf("%s: %v indexes went back, want 1", name, n)
			}
		})
	}
}

// A query for the list that does not tell what the canary sees twice is asked anew: its connection is dead.
// One that has told in between is not.
func TestAQueryForTheListThatHearsNothingIsAskedAnew(t *testing.T) {
	inTime(t, withCanary, func(t *testing.T, a *asking) {
		time.Sleep(time.Minute)
		a.take(isList)
		a.list("web")
		time.Sleep(14 * time.Second)
		told[Listed](a)
		time.Sleep(16 * time.Second)
		for _, q := range a.take(isList) {
			if q.index == 0 {
				t.Errorf("asked %+v although it has told", q)
			}
		}
		a.listing.restart() // its query begins anew, so that it does not end by itself in the next minute
		time.Sleep(2 * time.Second)
		a.spoilWith(only(func(q question) bool { return isList(q) && q.index > 0 }, hang))
		a.list("web", "api")
		time.Sleep(12 * time.Second)
		if len(told[Listed](a)) > 0 {
			t.Error("told, although its connection is dead")
		}
		time.Sleep(18 * time.Second)
		if got := told[Listed](a); len(got) != 1 || len(got[0].Names) != 3 {
			t.Errorf("half a minute later told %+v", got)
		}
	})
}

// The canary looks every Canary, soon after another question failed, and often while a loss is held.
func TestHowOftenTheCanaryLooks(t *testing.T) {
	inTime(t, withCanary, func(t *testing.T, a *asking) {
		looks := func(d time.Duration) int {
			a.take(isCanary)
			time.Sleep(d)
			return len(a.take(isCanary))
		}
		time.Sleep(100 * time.Millisecond)
		if n := looks(5 * time.Minute); n != 20 {
			t.Errorf("it looks %d times in 5 minutes, want every 15 s", n)
		}
		time.Sleep(15 * time.Second)
		if asked := a.take(isCanary); len(asked) != 1 || !asked[0].consistent || asked[0].index != 0 {
			t.Errorf("asked %+v, want the leader asked", asked)
		}
		a.holding.Store(true)
		time.Sleep(15 * time.Second)
		if n := looks(time.Minute); n != 20 {
			t.Errorf("while a loss is held it looks %d times in a minute, want every 3 s", n)
		}
		a.holding.Store(false)
		if time.Sleep(30 * time.Second); looks(5*time.Minute) > 21 {
			t.Error("it looks often although nothing is held any more")
		}
		for range 3 { // others fail
			time.Sleep(30 * time.Second)
			began := a.take(isCanary)
			a.outages.failed("service/web", errListEmpty, time.Now())
			time.Sleep(time.Second)
			if n := len(a.take(isCanary)); n == 0 {
				t.Errorf("it does not look within a second of the first failure; before: %d", len(began))
			}
			if n := looks(time.Minute); n > 5 {
				t.Errorf("it looks %d times in a minute while another fails", n)
			}
			a.outages.answered("service/web", time.Now())
		}
	})
}

// The time between two looks is what was configured, whether or not the steps of its wait fit into it.
func TestTheCanaryLooksWhenItIsTime(t *testing.T) {
	for _, every := range []time.Duration{500 * time.Millisecond, time.Second, 4 * time.Second, 10 * time.Second} {
		inTime(t, func(cfg *Config, _ *consul.Config) { cfg.Canary = every }, func(t *testing.T, a *asking) {
			time.Sleep(every / 2)
			a.take(isCanary)
			time.Sleep(20 * every)
			if n := len(a.take(isCanary)); n != 20 {
				t.Errorf("it looks %d times in 20 times %v", n, every)
			}
		})
	}
}

// While Consul does not answer the canary asks five or six times a second, and where it answers, and
// refuses, ever less often, from a short pause on.
func TestHowOftenTheCanaryAsksAConsulThatDoesNotAnswer(t *testing.T) {
	for _, c := range []struct {
		name        string
		spoil       spoiler
		least, most int // in a minute
	}{
		{"it cannot be reached", lose, 300, 400},
		{"it has no leader", refuse(500), 300, 400},
		{"it hangs", hang, 5, 7},
		{"it refuses", refuse(403), 2, 60},
	} {
		inTime(t, withCanary, func(t *testing.T, a *asking) {
			for range 3 {
				time.Sleep(time.Minute)
				a.spoilWith(only(isCanary, c.spoil))
				time.Sleep(time.Minute)
				a.take(isCanary)
				time.Sleep(time.Minute)
				if n := len(a.take(isCanary)); n < c.least || n > c.most {
					t.Errorf("%s: asked %d times in a minute, want %d to %d", c.name, n, c.least, c.most)
				}
				if !a.ListFails() || a.Status().Connected {
					t.Errorf("%s: status %+v", c.name, a.Status())
				}
				a.spoilWith(nil)
				time.Sleep(time.Minute)
				if a.ListFails() || !a.Status().Connected {
					t.Errorf("%s, and then answers: status %+v", c.name, a.Status())
				}
			}
		})
	}
}

// A canary that was refused for long and was answered since begins with a short pause again.
func TestACanaryThatWasAnsweredAsksAgainSoon(t *testing.T) {
	inTime(t, withCanary, func(t *testing.T, a *asking) {
		for range 5 {
			a.spoilWith(only(isCanary, refuse(403)))
			time.Sleep(5 * time.Minute)
			a.spoilWith(nil)
			time.Sleep(time.Minute)
			a.take(isCanary)
			a.spoilWith(only(isCanary, refuse(403)))
			time.Sleep(15*time.Second + a.cfg.BackoffMin)
			synctest.Wait()
			if n := len(a.take(isCanary)); n < 2 {
				t.Errorf("%d questions, want a second one within %v of the first", n, a.cfg.BackoffMin)
			}
			a.spoilWith(nil)
			time.Sleep(time.Minute)
		}
	})
}

// A first list that takes long is not asked for anew because the canary's is there.
func TestTheCanaryDoesNotInterruptTheFirstList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAsking(t, withCanary)
		a.spoilWith(only(isList, slowly(19*time.Second)))
		a.start(func() {
			time.Sleep(19 * time.Second)
			if n := len(told[Listed](a)); n != 1 {
				t.Errorf("told %d lists, want the first one", n)
			}
			a.spoilWith(nil)
		})
	})
}
