package discovery

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/guard"
)

// guardedConfig has the guard as users have it.
func guardedConfig() Config {
	cfg := fakeConfig()
	cfg.Consul.MaxConnections = 5000
	cfg.Guard, cfg.Watch.Canary = guard.DefaultConfig(), DefaultConfig().Watch.Canary
	return cfg
}

// many is so many services with so many instances each.
func many(services, instances int) *fakeConsul {
	fake := newFakeConsul()
	for n := range services {
		fake.put(name(n), 0, instances, "passing")
	}
	return fake
}

// size is what the service has now; -1 if it is not in the catalog.
func (r *reader) size(name string) int {
	synctest.Wait()
	c, _ := r.now()
	s, ok := r.service(c, name)
	if !ok {
		return -1
	}
	return len(s.Instances)
}

// instances is how many there are in all.
func (r *reader) instances() (n int) {
	synctest.Wait()
	c, _ := r.now()
	for _, s := range c {
		n += len(s.Instances)
	}
	return n
}

// until says how long it took to come true, at the resolution of a tenth of a second.
func until(t *testing.T, atMost time.Duration, is func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !is() {
		if time.Since(began) > atMost {
			t.Fatalf("not within %v", atMost)
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
	}
	return time.Since(began)
}

func TestALastInstanceThatIsDeregisteredGoesWhenASecondLookAgrees(t *testing.T) {
	fake := many(5, 2)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.set("svc-000", -1)
		time.Sleep(9 * time.Second)
		if n := r.size("svc-000"); n != 2 {
			t.Fatalf("%d instances after 9 s", n)
		}
		h := r.Holds()
		if len(h) != 1 || h[0].Why != "emptied" || h[0].Kept != 2 || h[0].Service != "svc-000" || h[0].Remedy != holdRemedy {
			t.Errorf("holds: %+v", h)
		}
		if p := r.Status().Problems; len(p) != 1 || p[0].Kind != "held_emptied" || p[0].Remedy == "" {
			t.Errorf("problems: %+v", p)
		}
		if n := r.log.count("a loss is held"); n != 1 {
			t.Errorf("%d log lines", n)
		}
		until(t, 5*time.Second, func() bool { return r.size("svc-000") == -1 })
		if h := r.Holds(); len(h) != 0 {
			t.Errorf("holds: %+v", h)
		}
		if !strings.Contains(r.log.String(), "outcome=evident") {
			t.Error("the log does not say why it is believed")
		}
	})
}

func TestWithoutEvidenceALastInstanceIsKeptForAMinute(t *testing.T) {
	for what, do := range map[string]func(*fakeConsul){
		"the list still has it": func(f *fakeConsul) { f.set("svc-000", 0) },
		"others are missing in the list": func(f *fakeConsul) {
			for n := range 4 {
				f.unlist(name(n + 1))
			}
			f.set("svc-000", -1)
		},
		"policies cut the list": func(f *fakeConsul) {
			f.spoilWith(func(req *http.Request) (*http.Response, error) {
				if req.URL.Path != "/v1/catalog/services" || req.URL.Query().Has("index") {
					return nil, nil
				}
				return f.withHeader(req.URL.Path, "X-Consul-Results-Filtered-By-ACLs", "true"), nil
			})
			f.set("svc-000", -1)
		},
		"the index went back not long ago": func(f *fakeConsul) {
			f.restore(9)
			time.Sleep(3 * time.Minute)
			f.set("svc-000", -1)
		},
		"much of the datacenter goes": func(f *fakeConsul) {
			for n := range 5 {
				f.set(name(n+1), 1)
			}
			f.set("svc-000", -1)
		},
	} {
		t.Run(what, func(t *testing.T) {
			fake := many(20, 2)
			inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
				time.Sleep(time.Minute)
				do(fake)
				time.Sleep(59 * time.Second)
				if n := r.size("svc-000"); n != 2 {
					t.Fatalf("%d instances after 59 s", n)
				}
				until(t, 13*time.Second, func() bool { return r.size("svc-000") <= 0 })
			})
		})
	}
}

func TestAListWhoseIndexWentBackTakesAllEvidenceAway(t *testing.T) {
	cfg := guardedConfig()
	cfg.Watch.Canary = 0 // nobody else sees it
	fake := many(20, 2)
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.stop()
		time.Sleep(20 * time.Second)
		fake.restore(9)
		fake.set("svc-000", -1)
		fake.resume()
		until(t, time.Minute, func() bool { return len(r.Holds()) == 1 })
		time.Sleep(50 * time.Second)
		if n := r.size("svc-000"); n != 2 {
			t.Errorf("%d instances: it was believed after less than a minute", n)
		}
	})
}

func TestAServiceThatComesBackInTimeWasNeverGone(t *testing.T) {
	fake := many(5, 2)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		fake.set("svc-000", -1)
		time.Sleep(5 * time.Second)
		fake.set("svc-000", 2)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if _, n := r.now(); n != 1 {
			t.Errorf("%d Deltas, want the first only", n)
		}
		if !strings.Contains(r.log.String(), "outcome=returned") || len(r.Holds()) > 0 {
			t.Errorf("holds: %+v", r.Holds())
		}
	})
}

func TestFromFiftyToFiveIsAppliedInTime(t *testing.T) {
	for what, do := range map[string]func(*fakeConsul){
		"at once": func(f *fakeConsul) { f.set("big", 5) },
		"one by one": func(f *fakeConsul) {
			for n := 49; n >= 5; n-- {
				f.set("big", n)
				time.Sleep(500 * time.Millisecond)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			fake := many(3, 2)
			fake.put("big", 0, 50, "passing")
			inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
				time.Sleep(time.Minute)
				do(fake)
				if n := r.size("big"); n < 25 {
					t.Errorf("%d instances at first: more than half was believed at once", n)
				}
				took := until(t, time.Minute, func() bool { return r.size("big") == 5 })
				if took > 15*time.Second {
					t.Errorf("it took %v after the last change", took)
				}
			})
		})
	}
}

func TestWhatADeployDoesIsNotDelayed(t *testing.T) {
	fake := many(10, 3)
	fake.put("web", 0, 9, "passing")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		at := func(what string, want int) {
			t.Helper()
			if n := r.size("web"); n != want {
				t.Errorf("%s: %d instances, want %d", what, n, want)
			}
		}
		for n := range 9 { // a rolling deploy
			fake.between("web", n, 10+n, "passing")
			at("a new one comes", 10)
			fake.between("web", n+1, 10+n, "passing")
			at("an old one goes", 9)
			time.Sleep(2 * time.Second)
		}
		fake.between("web", 9, 19, "passing")
		at("a canary comes", 10)
		fake.between("web", 9, 18, "passing")
		at("it goes", 9)
		fake.between("web", 9, 15, "passing")
		at("a third goes", 6)
		fake.between("web", 20, 26, "passing")
		at("all are others", 6)
		if n := r.log.count("a loss is held"); n > 0 {
			t.Errorf("%d holds", n)
		}
	})
}

func TestNewInstancesAndHealthAreBelievedWhileALossIsHeld(t *testing.T) {
	fake := many(3, 2)
	fake.put("web", 0, 10, "passing")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		fake.set("web", 2)
		synctest.Wait()
		fake.between("web", 0, 2, "critical")
		synctest.Wait()
		c, _ := r.now()
		s, _ := r.service(c, "web")
		critical := 0
		for _, i := range s.Instances {
			if i.Health == catalog.Critical {
				critical++
			}
		}
		if len(s.Instances) != 10 || critical != 2 {
			t.Errorf("%d instances, %d critical; want 10 and 2", len(s.Instances), critical)
		}
		fake.between("web", 20, 30, "passing") // all new: nothing was lost
		if n := r.size("web"); n != 10 {
			t.Errorf("%d instances, want the ten new ones", n)
		}
	})
}

func TestErosionIsSummedUp(t *testing.T) {
	fake := many(100, 3)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		for n := range 60 {
			fake.set(name(n), 2)
			time.Sleep(50 * time.Millisecond)
		}
		if n := r.instances(); n != 300-45 {
			t.Errorf("%d of 300 instances are left at once, want 255: 15 %% are believed", n)
		}
		until(t, 15*time.Second, func() bool { return r.instances() == 240 })
	})
}

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
			if n := r.log.count("losses of many services are held"); n == 0 || n > 5 {
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
			if c, n := r.now(); n != 1 || len(c) != 50 || len(r.Holds()) != 0 {
				t.Errorf("%d Deltas, %d services, %d holds", n, len(c), len(r.Holds()))
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

func TestReleaseWithoutARunningWatchReturns(t *testing.T) {
	w, err := New(fakeConfig(), nil, nil)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if n := w.Release(ctx, ""); n != 0 {
		t.Errorf("released %d", n)
	}
}

func TestWhatTheSeedHasIsGuardedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeConsul()
		var all []string
		for n := range 20 {
			all = append(all, name(n))
		}
		got, w := seededWith(t, guardedConfig(), fake, seedOf("dc1", all...))
		if len(got) != 20 || len(w.Holds()) != 20 {
			t.Errorf("an empty Consul after a restart: handed out %v, %d holds", names(got), len(w.Holds()))
		}
	})
}

func TestWhatBlockingQueriesMissShowsWithinFiveMinutes(t *testing.T) {
	fake := many(100, 2)
	cfg := guardedConfig()
	cfg.Consul.Wait = 10 * time.Minute // or the queries find it themselves when their wait is over
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.take()
		fake.silently("svc-042", 3)
		until(t, 5*time.Minute+10*time.Second, func() bool { return r.size("svc-042") == 3 })
		time.Sleep(5 * time.Minute)
		turns := map[string]int{}
		for _, q := range fake.take() {
			if q.consistent {
				turns[q.path]++
			}
		}
		for n := range 100 {
			if turns[healthPath+name(n)] == 0 {
				t.Errorf("%s was not read again", name(n))
			}
		}
	})
}

func TestANarrowedTokenShowsAlthoughNoIndexMoves(t *testing.T) {
	fake := many(10, 2)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.mu.Lock()
		fake.spoil = func(req *http.Request) (*http.Response, error) { // who waits hears nothing
			if req.URL.Path != healthPath+"svc-003" || req.URL.Query().Get("index") != "" {
				return nil, nil
			}
			resp := respond(200, fake.at["svc-003"], "[]")
			resp.Header.Set("X-Consul-Results-Filtered-By-ACLs", "true")
			return resp, nil
		}
		fake.mu.Unlock()
		until(t, 5*time.Minute+10*time.Second, func() bool { return len(r.Status().Problems) > 0 })
		if p := r.Status().Problems; p[0].Kind != "filtered" || !strings.Contains(p[0].Remedy, "--consul-filtered-expected") {
			t.Errorf("problems: %+v", p)
		}
		time.Sleep(2 * time.Hour)
		if n := r.size("svc-003"); n != 2 {
			t.Errorf("%d instances", n)
		}
	})
}

func TestAnIndexThatWentBackIsNoticedWithinHalfAMinute(t *testing.T) {
	fake := many(10, 2)
	for n := range 10 {
		fake.put(name(n), 0, 2, "passing")
	}
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.restore(9)
		fake.silently("svc-003", 4) // as it was then; who waits for a higher index hears nothing
		until(t, 30*time.Second, func() bool { return r.size("svc-003") == 4 })
	})
}

func TestAListWhoseConnectionHangsIsAskedForAgainWithinHalfAMinute(t *testing.T) {
	fake := many(10, 2)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			if req.URL.Path != "/v1/catalog/services" || !req.URL.Query().Has("index") {
				return nil, nil
			}
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		fake.set("new", 1)
		until(t, 30*time.Second, func() bool { return r.size("new") == 1 })
	})
}

func TestAFrozenConsulIsNoticedWithinHalfAMinute(t *testing.T) {
	fake := many(10, 2)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.mu.Lock()
		fake.spoil = func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}
		fake.mu.Unlock()
		until(t, 30*time.Second, func() bool { return !r.Status().Connected })
		fake.mu.Lock()
		fake.spoil = nil
		fake.mu.Unlock()
		fake.silently("svc-003", 3)
		until(t, 15*time.Second, func() bool { return r.Status().Connected && r.size("svc-003") == 3 })
	})
}

func TestConsulIsFreshASecondAfterItIsBack(t *testing.T) {
	fake := many(1000, 1)
	fake.slowDown(2 * time.Millisecond)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.stop()
		time.Sleep(30 * time.Second)
		fake.set("svc-500", 2)
		fake.take()
		fake.resume()
		took := until(t, 10*time.Second, func() bool { return r.Status().Connected && r.size("svc-500") == 2 })
		if took > time.Second {
			t.Errorf("it took %v", took)
		}
		if most := fake.atOnce(); most > 17 {
			t.Errorf("%d reads at once", most)
		}
	})
}

func TestAConsulThatComesLongAfterTheStartIsSeenAtOnce(t *testing.T) {
	fake := many(3, 1)
	fake.stop()
	cfg := guardedConfig()
	cfg.Consul.Datacenter = "" // so that nothing can be asked but the agent
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(10 * time.Minute)
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/v1/agent/self" {
				return respond(200, 1, `{"Config":{"Datacenter":"dc1"}}`), nil
			}
			return nil, nil
		})
		until(t, time.Second, func() bool { return r.instances() == 3 })
	})
}

func TestAConsulThatRefusesSomeAfterItIsBackIsFreshWithinSeconds(t *testing.T) {
	fake := many(2, 1)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.stop()
		time.Sleep(5 * time.Minute) // pauses are long by now
		back := time.Now()
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			if time.Since(back) < 400*time.Millisecond && strings.HasPrefix(req.URL.Path, healthPath) {
				return respond(500, 1, "Not ready to serve consistent reads"), nil
			}
			return nil, nil
		})
		until(t, 3*time.Second, func() bool { return r.Status().Connected })
	})
}

func TestMostOfADatacenterTurnsCriticalAtOnce(t *testing.T) {
	health := func(r *reader) string {
		synctest.Wait()
		c, _ := r.now()
		count := map[catalog.Health]int{}
		for _, s := range c {
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
				if n := r.log.count("level=ERROR"); n != 1 {
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

// When a hold ends is said in the same words everywhere, and never lies in the past.
func TestAHoldThatConsulCannotConfirmSaysSo(t *testing.T) {
	fake := many(10, 4)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.set(name(3), 1)
		synctest.Wait()
		h := r.Holds()
		if len(h) != 1 || !strings.HasPrefix(h[0].Ends(time.Now()), "in 10s, at ") {
			t.Errorf("%+v", h)
		}
		fake.stop()
		time.Sleep(10 * time.Minute)
		h = r.Holds()
		if len(h) != 1 || !h[0].Until.IsZero() || h[0].Ends(time.Now()) != "when Consul confirms it" {
			t.Errorf("%+v", h)
		}
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
