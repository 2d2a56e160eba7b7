package discovery

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/guard"
	"legate/discovery/watch"
	"legate/internal/logtest"
	"legate/internal/metricstest"
	"legate/metrics"
)

// A check in turn shows what the blocking query missed, and then that starts over; a service without a
// blocking query is polled at once instead.
func TestALookThatDiffersStartsTheWatchAnew(t *testing.T) {
	inLoop(t, func(t *testing.T, l *loop, asked *recorder) {
		l.reads("web", 11, 2)
		l.reads("api", 12, 1)
		s, m := l.services.byName["web"], metrics.New(metrics.BuildInfo{})
		log := &logtest.Buffer{}
		l.w.metrics, l.w.log = m.Consul, slog.New(slog.NewTextHandler(log, nil))
		check := func(r consul.Reading, err error) {
			asked.forget()
			l.checks.running++
			s.checking = true
			l.handle(watch.Checked{Answered: watch.Answered{Service: s.Service, Reading: r, Reply: consul.Reply{At: time.Now(), Index: 20}}, Past: s.past, Err: err})
			if l.checks.running != 0 || s.checking && l.services.byName["web"] == s {
				t.Error("the check is over, and counts as under way")
			}
		}
		other := s.past.Reading
		other.Service.Instances = other.Service.Instances[:1]
		for what, err := range map[string]error{"the same": nil, "nothing": errors.New("refused")} {
			if check(s.past.Reading, err); !asked.nothing() {
				t.Errorf("asked for %+v although the check saw %s", asked, what)
			}
		}
		check(other, nil)
		if !slices.Equal(asked.restarts, []string{"web"}) || len(l.served.catalog.Services[s.Key].Instances) != 2 {
			t.Errorf("asked for %+v: want the watch to see for itself", asked)
		}
		check(other, fmt.Errorf("check: %w", consul.ErrNotBelieved))
		if !slices.Equal(asked.again, []string{"web"}) {
			t.Error("the watch may not have heard of what is in doubt")
		}
		asked.polled = true
		check(other, nil)
		if len(asked.restarts) > 0 || !slices.Equal(asked.soon, []string{"web"}) {
			t.Error("a service that is polled has no watch to start anew, and is to be read soon")
		}
		if n := log.Count("what its watch did not"); n != 1 {
			t.Errorf("the log tells of it %d times", n)
		}
		const rereads = "legate_consul_rereads_total"
		if same, different := metricstest.Sum(t, m, rereads, "same"), metricstest.Sum(t, m, rereads, "different"); same != 1 || different != 1 {
			t.Errorf("%v checks saw the same, and %v something else; want one each", same, different)
		}
		asked.polled = false
		delete(l.services.byName, "web")
		if check(other, nil); !asked.nothing() {
			t.Error("it is not watched any more")
		}
	})
}

// Everything is looked at in turn, within Guard.Reread, by name; what cannot be looked at now loses
// its turn.
func TestEverythingIsLookedAtInTurn(t *testing.T) {
	inLoop(t, func(t *testing.T, l *loop, asked *recorder) {
		l.guarded()
		l.lists(11, "a", "b", "c", "d", "web", "api")
		for i, name := range []string{"web", "a", "d", "b", "api"} { // c is never read
			l.reads(name, uint64(12+i), 1)
		}
		turns := func(n float64) (names string) {
			l.checks.credit = n
			for f := l.checks.next(l.services.byName, l.guard); f != nil; f = l.checks.next(l.services.byName, l.guard) {
				names += " " + f.Key.Name
			}
			return names
		}
		if got := turns(6.5); got != " a api b d web" || l.checks.credit != 0.5 {
			t.Errorf("a round looks at%s, %v turns are left", got, l.checks.credit)
		}
		l.services.byName["b"].checking = true
		l.reads("d", 20, 0)
		if got := turns(6); got != " a api web" {
			t.Errorf("a round looks at%s, want neither what is being looked at nor what is held", got)
		}
		if got := turns(0.9); got != "" {
			t.Errorf("no turn is due, and%s is looked at", got)
		}
		l.checks.due = nil
		for _, name := range []string{"b", "gone", "a", "d"} {
			l.checks.due = append(l.checks.due, catalog.ServiceKey{Datacenter: "dc1", Name: name})
		}
		if got := turns(1); got != " d a" || len(l.checks.due) != 0 {
			t.Errorf("looks at%s, want the hold that is due and then whose turn it is", got)
		}
	})
}

// The turns that are due follow from the time, and from what there is: never more than a round.
func TestTheLooksThatAreDueFollowTheTime(t *testing.T) {
	inLoop(t, func(t *testing.T, l *loop, asked *recorder) {
		l.guarded()
		l.reads("web", 11, 1)
		due := func(after time.Duration) float64 {
			l.checks.running = maxChecks // no room: they add up
			l.tick(l.checks.ticked.Add(after))
			return l.checks.credit
		}
		if n := due(time.Minute); n != 0 {
			t.Errorf("%v looks are due before all was read", n)
		}
		l.reads("api", 12, 1)
		if n := due(l.w.cfg.Guard.Reread / 4); n != 0.5 {
			t.Errorf("%v looks are due after a quarter of a round of two, want half a one", n)
		}
		if n := due(l.w.cfg.Guard.Reread / 2); n != 1.5 {
			t.Errorf("%v looks are due", n)
		}
		if n := due(time.Hour); n != 2 {
			t.Errorf("%v looks are due, want not more than a round", n)
		}
		l.w.cfg.Guard.Reread = 0
		if n := due(time.Hour); n != 2 {
			t.Errorf("%v looks are due although nothing is read again", n)
		}
		l.checks.credit, l.checks.running = 2, maxChecks-1
		l.startChecks(time.Now())
		if l.checks.running != maxChecks || !l.services.byName["api"].checking || l.services.byName["web"].checking {
			t.Errorf("%d looks at once", l.checks.running)
		}
	})
}

// What came back without a word has everything read again, but not more often than it can be read.
func TestEverythingIsReadAgainNotTooOften(t *testing.T) {
	inLoop(t, func(t *testing.T, l *loop, asked *recorder) {
		l.reads("web", 11, 1)
		f, start := l.services.byName["web"], time.Now()
		restarted := func(after time.Duration) bool {
			asked.forget()
			l.restartUnheard(start.Add(after))
			return len(asked.again) == 1
		}
		if !restarted(0) || restarted(3*time.Second-1) || !restarted(3*time.Second) {
			t.Error("want it every three seconds at most")
		}
		for n := range 2500 {
			l.services.byName[fmt.Sprint("many-", n)] = f
		}
		if restarted(8*time.Second) || !restarted(8*time.Second+10*time.Millisecond) {
			t.Error("with 2,502 services want it every 5 seconds at most")
		}
	})
}

// Whether its index went back is told by each list.
func TestAListTellsThatItsIndexWentBack(t *testing.T) {
	inLoop(t, func(t *testing.T, l *loop, asked *recorder) {
		l.guarded()
		for _, list := range []struct {
			index uint64
			back  bool
		}{{50, false}, {50, false}, {49, true}} {
			l.lists(list.index, "web", "api")
			if got := l.lostAfterTheIndexWentBack("web"); got != list.back {
				t.Errorf("at %d: the index went back is %v", list.index, got)
			}
		}
	})
}

// What is evidence that an emptied service was deregistered on purpose, and what takes it away.
func TestWhatIsEvidenceOfADeregistration(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(l *loop, e *watch.Checked)
		want   bool
	}{
		{"the index moved, and the list lacks it and has the others", func(*loop, *watch.Checked) {}, true},
		{"the index did not move", func(l *loop, e *watch.Checked) {
			l.observe(time.Now(), guard.Released{})
			l.reads("web", 30, 1)
			l.reads("web", 30, 0)
		}, false},
		{"the list was not read", func(_ *loop, e *watch.Checked) { e.List = nil }, false},
		{"policies cut the answer", func(_ *loop, e *watch.Checked) { e.Reply.Filtered = true }, false},
		{"policies cut the list", func(_ *loop, e *watch.Checked) { e.ListReply.Filtered = true }, false},
		{"the list has it, without instances", func(_ *loop, e *watch.Checked) { e.List["web"] = nil }, false},
		{"the list has it, for its proxies", func(_ *loop, e *watch.Checked) { e.List["web"], e.Reading.Others = nil, 1 }, true},
		{"the list has it, for instances that take no traffic", func(_ *loop, e *watch.Checked) {
			e.List["web"], e.Reading.Service.Instances = nil, []catalog.Instance{{ID: "x", Health: catalog.Critical}}
		}, true},
		{"an index went back", func(l *loop, _ *watch.Checked) { l.observe(time.Now(), guard.IndexWentBack{}) }, false},
		{"the index of the list went back", func(_ *loop, e *watch.Checked) { e.ListReply.Index = 10 }, false},
		{"the list lacks some others", func(_ *loop, e *watch.Checked) { delete(e.List, name(0)) }, true},
		{"the list lacks most others", func(_ *loop, e *watch.Checked) { clear(e.List) }, false},
		{"of most others nothing is known yet", func(l *loop, e *watch.Checked) {
			for n := range 8 {
				l.services.byName[name(n)].read = false
			}
			clear(e.List)
		}, true},
		{"it lives on under another name", func(l *loop, e *watch.Checked) {
			l.takesOver("api", "web")
			clear(e.List)
		}, true},
		{"it lives on under another name, and an index went back", func(l *loop, e *watch.Checked) {
			l.takesOver("api", "web")
			l.observe(time.Now(), guard.IndexWentBack{})
		}, false},
	} {
		inLoop(t, func(t *testing.T, l *loop, asked *recorder) {
			l.guarded()
			names := []string{"web", "api"}
			for n := range 8 {
				names = append(names, name(n))
			}
			l.lists(11, names...)
			for i, name := range names {
				l.reads(name, uint64(20+i), 1)
			}
			l.reads("web", 30, 0)
			f := l.services.byName["web"]
			time.Sleep(l.w.cfg.Guard.Confirm)
			e := watch.Checked{
				Answered: watch.Answered{Service: f.Service, Reading: consul.Reading{Service: catalog.Service{Key: f.Key}}},
				List:     consul.Listing{"consul": nil, "api": nil}, ListReply: consul.Reply{Index: 30},
			}
			for n := range 8 {
				e.List[name(n)] = nil
			}
			c.change(l, &e)
			e.Past = f.past
			time.Sleep(l.w.cfg.Guard.Confirm)
			e.Reply.At, e.ListReply.At = time.Now(), time.Now()
			l.report.over = nil
			l.handle(e)
			if got := len(l.report.over) == 1 && l.report.over[0].Outcome == "evident"; got != c.want || got == l.guard.Held(f.Key) {
				t.Errorf("%s: evident is %v, and ended is %+v", c.name, got, l.report.over)
			}
		})
	}
}

// takesOver is an answer in which a service has what another had.
func (l *loop) takesOver(service, other string) {
	l.reads(other, 90, 1)
	f := l.services.byName[service]
	r := l.services.byName[other].past.Reading
	l.reads(other, 91, 0)
	r.Service.Key = f.Key
	r.Service.Instances = append(r.Service.Instances, f.past.Reading.Service.Instances...)
	slices.SortFunc(r.Service.Instances, catalog.Instance.Compare)
	l.handle(watch.Answered{Service: f.Service, Reading: r, Reply: consul.Reply{Question: consul.Question{Consistent: true}, Index: 95, At: time.Now()}})
}

// What confirms that an unlisted service is empty tells whether its index moved, which is evidence.
func TestAConfirmationSaysWhetherTheIndexMoved(t *testing.T) {
	for index, moved := range map[uint64]bool{11: false, 20: true} {
		inLoop(t, func(t *testing.T, l *loop, asked *recorder) {
			l.guarded()
			l.reads("web", 11, 2)
			f := l.services.byName["web"]
			f.listed = false
			l.handle(watch.Confirmed{Answered: watch.Answered{
				Service: f.Service, Reading: consul.Reading{Service: catalog.Service{Key: f.Key}}, Reply: consul.Reply{Index: index, At: time.Now()},
			}, Past: f.past})
			if !l.guard.Held(f.Key) || l.guard.WantsList(f.Key) != moved {
				t.Errorf("from index 11 to %d: held is %v, moved %v", index, l.guard.Held(f.Key), l.guard.WantsList(f.Key))
			}
		})
	}
}

// guarded gives the loop a guard as users have it, which has seen nothing yet.
func (l *loop) guarded() {
	l.w.cfg.Guard = guard.DefaultConfig()
	l.guard = guard.New(l.w.cfg.Guard)
}

// lostAfterTheIndexWentBack says whether the guard knows that Consul's index went back: then it takes
// the loss of all there is for that of a datacenter, however small.
func (l *loop) lostAfterTheIndexWentBack(service string) bool {
	l.reads(service, 90, 1)
	l.reads(service, 91, 0)
	for _, h := range l.guard.Holds() {
		if h.Key.Name == service {
			return h.Why == guard.DatacenterLost
		}
	}
	return false
}

func TestTicksAreAsFineAsTheGuardsTimes(t *testing.T) {
	for _, c := range []struct {
		g    guard.Config
		want time.Duration
	}{
		{guard.Config{}, time.Second},
		{guard.Config{Confirm: 10 * time.Second, Empty: time.Minute}, time.Second},
		{guard.Config{Confirm: time.Second, Empty: time.Minute}, 200 * time.Millisecond},
		{guard.Config{Confirm: time.Second, Empty: 500 * time.Millisecond}, 100 * time.Millisecond},
		{guard.Config{DatacenterHold: time.Millisecond}, 10 * time.Millisecond},
	} {
		if got := ticking(c.g); got != c.want {
			t.Errorf("%+v: every %v, want %v", c.g, got, c.want)
		}
	}
}
