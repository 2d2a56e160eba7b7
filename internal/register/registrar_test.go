package register

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/consul"
)

// agent is one that forgets, hangs and refuses on demand.
type agent struct {
	mu       sync.Mutex
	services map[string]consul.Registration
	critical string // id of a check that fails
	err      error
	hangs    bool
	calls    []string
	told     []bool
	nodes    int
}

func (a *agent) call(ctx context.Context, what string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, what)
	if a.hangs {
		a.mu.Unlock()
		<-ctx.Done()
		a.mu.Lock()
		return ctx.Err()
	}
	return a.err
}

func (a *agent) Register(ctx context.Context, r consul.Registration) error {
	if err := a.call(ctx, "register"); err != nil {
		return err
	}
	a.change(func() { a.services[r.ID] = r })
	return nil
}

func (a *agent) Checks(ctx context.Context, id string) (states []consul.CheckState, err error) {
	if err := a.call(ctx, "checks"); err != nil {
		return nil, err
	}
	a.change(func() {
		for _, c := range a.services[id].Checks {
			s := consul.CheckState{ID: c.ID, Status: "passing"}
			if c.ID == a.critical {
				s.Status, s.Output = "critical", "connection refused"
			}
			states = append(states, s)
		}
	})
	return states, nil
}

func (a *agent) Tell(ctx context.Context, check string, passing bool) (known bool, err error) {
	if err := a.call(ctx, "tell"); err != nil {
		return false, err
	}
	a.change(func() {
		a.told = append(a.told, passing)
		for _, s := range a.services {
			known = known || slices.ContainsFunc(s.Checks, func(c consul.AgentCheck) bool { return c.ID == check })
		}
	})
	return known, nil
}

func (a *agent) Deregister(ctx context.Context, id string) error {
	if err := a.call(ctx, "deregister"); err != nil {
		return err
	}
	a.change(func() { delete(a.services, id) })
	return nil
}

func (a *agent) Node(context.Context) (name, address string, err error) {
	a.change(func() { a.nodes++ })
	return "node-1", "10.0.0.1", nil
}

func (a *agent) Way(context.Context) (netip.Addr, bool, error) {
	return netip.MustParseAddr("127.0.0.1"), true, nil
}

func (a *agent) change(do func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	do()
}

func (a *agent) has() (n int) {
	a.change(func() { n = len(a.services) })
	return n
}

func (a *agent) count(what string) (n int) {
	a.change(func() {
		for _, c := range a.calls {
			if c == what {
				n++
			}
		}
	})
	return n
}

// scene is a Registrar that runs, in a bubble of time.
type scene struct {
	*Registrar
	agent *agent
	end   func() // what a crash would end
	log   strings.Builder

	mu    sync.Mutex
	ready bool
	facts Facts
}

func (s *scene) set(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

func run(t *testing.T, config Config, story func(*scene)) {
	synctest.Test(t, func(t *testing.T) {
		s := &scene{agent: &agent{services: map[string]consul.Registration{}}, ready: true, facts: facts(nil)}
		log := slog.New(slog.NewTextHandler(&s.log, nil))
		s.Registrar = New(config, s.agent, Rooms{
			Facts: func() (f Facts) { s.set(func() { f = s.facts }); return f },
			Ready: func() (ready bool) { s.set(func() { ready = s.ready }); return ready },
		}, log)
		ctx, end := context.WithCancel(t.Context())
		s.end = end
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		story(s)
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// rest lets that much time pass, and waits until all that it brings is done.
func rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// aWhile is longer than the pause between two looks.
const aWhile = interval + time.Second

func TestLegateIsRegisteredOnceThereIsSomethingToServe(t *testing.T) {
	run(t, DefaultConfig(), func(s *scene) {
		s.set(func() { s.ready = false })
		rest(time.Hour)
		if s.agent.has() != 0 || s.Status().Registered() {
			t.Error("registered, and there is nothing to serve")
		}
		s.set(func() { s.ready = true })
		rest(readyPoll)
		if st := s.Status(); s.agent.has() != 1 || !st.Registered() || st.Address != "127.0.0.1:18000" || !slices.Equal(st.Checks, []string{GRPC, HTTP}) {
			t.Errorf("%d registrations, %+v", s.agent.has(), st)
		}
		rest(time.Hour)
		if n := s.agent.count("register"); n != 1 || s.agent.nodes != 1 {
			t.Errorf("registered %d times, the node asked for %d times", n, s.agent.nodes)
		}
	})
}

// While it is not ready it is not registered anew: the checks would begin as passing.
func TestAnAgentThatForgetsIsToldAgain(t *testing.T) {
	for _, kinds := range [][]string{nil, {TTL}} {
		config := DefaultConfig()
		config.Checks = kinds
		run(t, config, func(s *scene) {
			rest(aWhile)
			s.agent.change(func() { clear(s.agent.services) })
			s.set(func() { s.ready = false })
			rest(aWhile)
			if s.agent.has() != 0 || s.Status().Registered() {
				t.Errorf("%v: registered as passing, and it is not ready", kinds)
			}
			s.set(func() { s.ready = true })
			rest(aWhile)
			if s.agent.has() != 1 || !s.Status().Registered() {
				t.Errorf("%v: it is not told again: %+v", kinds, s.Status())
			}
			if !strings.Contains(s.log.String(), "forgotten") {
				t.Errorf("the log does not say so: %s", s.log.String())
			}
			s.agent.change(func() { // one of its checks
				for id, r := range s.agent.services {
					r.Checks = r.Checks[1:]
					s.agent.services[id] = r
				}
			})
			rest(aWhile)
			s.agent.change(func() {
				for _, r := range s.agent.services {
					if len(r.Checks) == 0 || r.Checks[0].ID != "service:"+r.ID+":"+s.Status().Checks[0] {
						t.Errorf("%v: a check that was removed stays away: %+v", kinds, r.Checks)
					}
				}
			})
		})
	}
}

func TestARegistrationFollowsWhatIsSo(t *testing.T) {
	run(t, DefaultConfig(), func(s *scene) {
		rest(aWhile)
		s.set(func() { s.facts.Datacenter = "dc2" })
		rest(aWhile)
		for _, r := range s.agent.services {
			if r.Meta["datacenter"] != "dc2" {
				t.Errorf("%+v", r)
			}
		}
		if n := s.agent.count("register"); n != 2 || s.agent.has() != 1 {
			t.Errorf("%d times, %d services", n, s.agent.has())
		}
	})
}

// With a TTL the agent hears of Legate well before that ends.
func TestAnAgentThatCannotCheckIsToldHowLegateIs(t *testing.T) {
	config := DefaultConfig()
	config.Checks = []string{TTL}
	run(t, config, func(s *scene) {
		rest(10 * ttl)
		s.agent.change(func() {
			if n := len(s.agent.told); n < 20 || slices.Contains(s.agent.told, false) {
				t.Errorf("told %d times in ten TTLs: %v", n, s.agent.told)
			}
			s.agent.told = nil
		})
		s.set(func() { s.ready = false })
		rest(aWhile)
		s.agent.change(func() {
			if !slices.Contains(s.agent.told, false) {
				t.Errorf("not told that it is not ready: %v", s.agent.told)
			}
		})
	})
}

// An agent that is away is asked less and less often, and soon after it is back Legate is registered.
func TestAnAgentThatIsAwayIsAskedLessAndLessOften(t *testing.T) {
	run(t, DefaultConfig(), func(s *scene) {
		rest(aWhile)
		s.agent.change(func() { s.agent.err, s.agent.calls = errors.New("connection refused"), nil })
		rest(time.Hour)
		asked := 0
		s.agent.change(func() { asked = len(s.agent.calls) })
		if st := s.Status(); asked < 120 || asked > 260 || st.Registered() || st.Problem != "connection refused" || st.Remedy == "" || time.Since(st.Failing) < 59*time.Minute {
			t.Errorf("asked %d times in an hour: %+v", asked, st)
		}
		if n := strings.Count(s.log.String(), "connection refused"); n != 1 {
			t.Errorf("said %d times", n)
		}
		s.agent.change(func() { s.agent.err = nil; clear(s.agent.services) })
		rest(retryMost + aWhile)
		if !s.Status().Registered() || s.agent.has() != 1 {
			t.Errorf("%+v", s.Status())
		}
	})
}

func TestACheckThatFailsIsAProblemWhileLegateIsReady(t *testing.T) {
	run(t, DefaultConfig(), func(s *scene) {
		rest(aWhile)
		fails := "service:legate-host-1-18000:grpc"
		s.agent.change(func() { s.agent.critical = fails })
		rest(aWhile)
		if st := s.Status(); st.Registered() || !strings.Contains(st.Problem, fails) || !strings.Contains(st.Problem, "connection refused") || !strings.Contains(st.Remedy, "--register-check") {
			t.Errorf("%+v", st)
		}
		s.agent.change(func() { s.agent.critical = "" })
		rest(aWhile)
		if st := s.Status(); !st.Registered() || st.Problem != "" {
			t.Errorf("%+v", st)
		}
	})
}

func TestLegateIsRegisteredNoMoreWhenItLeaves(t *testing.T) {
	run(t, DefaultConfig(), func(s *scene) {
		rest(aWhile)
		began := time.Now()
		s.Leave()
		if took := time.Since(began); took > 0 || s.agent.has() != 0 || s.Status().Registered() {
			t.Errorf("after %v: %d services, %+v", took, s.agent.has(), s.Status())
		}
		rest(time.Hour)
		if s.agent.count("register") != 1 {
			t.Error("registered again")
		}
	})
}

// What an earlier start left behind is removed, too, when this one was never registered.
func TestALegateThatWasNeverReadyLeavesNothingBehind(t *testing.T) {
	run(t, DefaultConfig(), func(s *scene) {
		s.set(func() { s.ready = false })
		s.agent.change(func() { s.agent.services["legate-host-1-18000"] = consul.Registration{} })
		rest(time.Second)
		s.Leave()
		synctest.Wait()
		if s.agent.has() != 0 {
			t.Error("it is still there")
		}
	})
}

func TestACrashRemovesNothing(t *testing.T) {
	run(t, DefaultConfig(), func(s *scene) {
		rest(aWhile)
		s.end()
		synctest.Wait()
		if s.agent.has() != 1 {
			t.Error("it is gone")
		}
	})
}

// An agent that hangs does not delay the end for long; it is asked again as long as Legate works.
func TestAnAgentThatHangsDelaysTheEndByTwoSeconds(t *testing.T) {
	run(t, DefaultConfig(), func(s *scene) {
		rest(aWhile)
		s.agent.change(func() { s.agent.err = errors.New("busy") })
		began := time.Now()
		s.Leave()
		if took := time.Since(began); took != leaveTime {
			t.Errorf("it took %v", took)
		}
		s.agent.change(func() { s.agent.err = nil })
		rest(time.Second)
		if s.agent.has() != 0 {
			t.Error("it is not asked again")
		}
	})
	run(t, DefaultConfig(), func(s *scene) {
		rest(aWhile)
		s.agent.change(func() { s.agent.hangs = true })
		began := time.Now()
		s.Leave()
		if took := time.Since(began); took != leaveTime {
			t.Errorf("it took %v", took)
		}
	})
}

// Nobody waits for an agent that has not answered since the start.
func TestWhoIsNotRegisteredEndsAtOnce(t *testing.T) {
	run(t, DefaultConfig(), func(s *scene) {
		s.agent.change(func() { s.agent.err = errors.New("away") })
		rest(aWhile)
		began := time.Now()
		s.Leave()
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
}
