package discovery

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// A start goes on without services that cannot be read, if they are few, each fails by itself, and
// nothing new came for long.
func TestWhenTheUnreadAreNotWaitedForAnyMore(t *testing.T) {
	for _, c := range []struct {
		name          string
		services      int
		unread        int
		refused       int // of these
		failing       int // of these
		also          string
		after         time.Duration
		complete, all bool
	}{
		{"a tenth", 21, 2, 0, 2, "", unreadPatience, true, false},
		{"too soon", 21, 2, 0, 2, "", unreadPatience - 1, false, false},
		{"more than a tenth", 21, 3, 0, 3, "", unreadPatience, false, false},
		{"more than a tenth, but for names that are refused", 21, 3, 1, 2, "", unreadPatience, true, false},
		{"one of few", 5, 1, 0, 1, "", unreadPatience, true, false},
		{"two of few", 5, 2, 0, 2, "", unreadPatience, false, false},
		{"one is on its way", 21, 2, 0, 1, "", unreadPatience, false, false},
		{"the list fails", 21, 2, 0, 2, "catalog", unreadPatience, false, false},
		{"the canary fails", 21, 2, 0, 2, "canary", unreadPatience, false, false},
		{"there is but one", 1, 1, 0, 1, "", unreadPatience, false, false},
		{"all are refused", 2, 2, 2, 0, "", unreadPatience, false, false},
		{"the rest is refused", 21, 3, 3, 0, "", 0, true, true},
	} {
		inOwner(t, func(t *testing.T, o *owner) {
			now := time.Now()
			var names []string
			for n := range c.services {
				names = append(names, name(n))
			}
			o.follow, o.unread = map[string]*followed{}, 0
			o.lists(10, names...)
			for n := range c.unread {
				f := o.follow[name(n)]
				if n < c.refused {
					refusedName{f: f, err: errors.New("400"), at: now}.apply(o)
				} else if n < c.refused+c.failing {
					o.w.trouble.failed(f.loop(), io.ErrUnexpectedEOF, now)
				}
			}
			if c.also != "" {
				o.w.trouble.failed(c.also, io.ErrUnexpectedEOF, now)
			}
			for n := c.unread; n < c.services; n++ {
				o.reads(name(n), uint64(20+n), 1)
			}
			if o.unreadProblem() != nil {
				t.Errorf("%s: what is on its way is a problem", c.name)
			}
			o.goOn(now.Add(c.after))
			if o.complete != c.complete {
				t.Errorf("%s: complete %v", c.name, o.complete)
			}
			time.Sleep(unreadPatience)
			if p := o.unreadProblem(); (p != nil) != (c.complete && !c.all) || p != nil && (p.Services != c.unread-c.refused || !strings.Contains(p.Detail, name(c.refused))) {
				t.Errorf("%s: problem %+v", c.name, p)
			}
		})
	}
}

// Names are listed up to some, and the rest is counted.
func TestNamesOfAProblemAreFew(t *testing.T) {
	for want, all := range map[string]int{"a, b": 2, "a, b and 1 more": 3} {
		if got := listOf([]string{"a", "b"}, all); got != want {
			t.Errorf("%d: %q, want %q", all, got, want)
		}
	}
	inOwner(t, func(t *testing.T, o *owner) {
		var names []string
		for n := range someNames + 2 {
			names = append(names, name(n))
		}
		o.lists(11, append(names, "web")...)
		o.reads("web", 12, 1)
		start := time.Now()
		for n := range names {
			refusedName{f: o.follow[name(n)], err: errors.New("400"), at: start.Add(-time.Duration(n) * time.Second)}.apply(o)
		}
		if p := o.refusedProblem(); p == nil || p.Services != len(names) || !strings.Contains(p.Detail, `"svc-004" and 2 more: 400`) || strings.Contains(p.Detail, "svc-005") ||
			!p.Since.Equal(start.Add(-time.Duration(len(names)-1)*time.Second)) {
			t.Errorf("problem: %+v", p)
		}
	})
}

func TestWhatIsARefusalOfTheQuestion(t *testing.T) {
	for code, want := range map[int]bool{399: false, 400: true, 404: true, 408: false, 429: false, 499: true, 500: false} {
		if consul.IsRefusal(fmt.Errorf("x: %w", api.StatusError{Code: code})) != want {
			t.Errorf("%d is a refusal: %v", code, !want)
		}
	}
	if consul.IsRefusal(io.ErrUnexpectedEOF) {
		t.Error("garbage is no refusal")
	}
}

// What a name was refused for is found out once; then Consul is asked for that name alone.
func TestARefusalIsLookedIntoOnce(t *testing.T) {
	fake := many(5, 1)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.spoilWith(refusing(400, name(2)))
		time.Sleep(80 * time.Second)
		fake.take()
		time.Sleep(2 * time.Minute)
		own, asked := 0, 0
		for _, q := range fake.take() {
			switch q.path {
			case healthPath + catalog.ConsulService:
				own++
			case healthPath + name(2):
				asked++
			}
		}
		if own > 2 || asked < 4 { // second looks begin from the start
			t.Errorf("Consul's own service was asked for %d times in 2 minutes, the one that is refused %d times", own, asked)
		}
	})
}

func TestTheStatusSaysHowServicesAreFollowed(t *testing.T) {
	w := watcherOver(t, fakeConfig(), newFakeConsul(), io.Discard)
	is := func(mode, within string) {
		t.Helper()
		s := w.Status()
		i := slices.IndexFunc(s.Problems, func(p catalog.Problem) bool { return p.Kind == "connections" })
		if s.Mode != mode || (i >= 0) != (within != "") || i >= 0 && (!strings.Contains(s.Problems[i].Detail, within) || s.Problems[i].Remedy == "") {
			t.Errorf("mode %s, problems %+v, want %s and %q", s.Mode, s.Problems, mode, within)
		}
	}
	is("direct", "")
	w.setWatches(3, 0)
	is("direct", "")
	w.setWatches(3, 200)
	for range 200 {
		w.rotation.settle(&followed{})
	}
	is("sweep", "200 of 203 services have no connection of their own, because there are only 100: changes of health and instances show within that, too, all others within a round of 3s")
	w.rotation.signalled(true)
	is("signals", "within a second or two, all others within a round of 10s")
	if w.watches() != 3 {
		t.Errorf("%d services have a query of their own", w.watches())
	}
	w.setDatacenter("dc5")
	w.setIndex(77)
	if s := w.Status(); s.Datacenter != "dc5" || s.Index != 77 {
		t.Errorf("status: %+v", s)
	}
}

func TestHowOftenAConsulThatDoesNotWaitIsPolled(t *testing.T) {
	w := watcherOver(t, fakeConfig(), newFakeConsul(), io.Discard)
	for watches, want := range map[int]time.Duration{0: pollEvery, 100: pollEvery, 101: 2020 * time.Millisecond, 1000: 20 * time.Second} {
		w.setWatches(watches, 0)
		if got := w.polled(); got != want {
			t.Errorf("%d services: up to %v, want %v", watches, got, want)
		}
	}
}

// How many blocking queries there may be follows from what connections take.
func TestThePlacesForBlockingQueries(t *testing.T) {
	cfg := fakeConfig()
	cfg.Consul.MaxConnections = 20
	if w := watcherOver(t, cfg, newFakeConsul(), io.Discard); w.slots() != 20-1-reserve {
		t.Errorf("%d places", w.slots())
	}
	w := watcherOver(t, cfg, nil, io.Discard)
	defer w.consul.Close()
	if w.slots() != 20-1-reserve || w.shortRemedy() == "" {
		t.Errorf("%d places", w.slots())
	}
}

func TestAQuestionThatIsInterruptedStartsOver(t *testing.T) {
	var a afresh
	first, over, end := a.begin(t.Context())
	if over || interrupted(first) {
		t.Error("nobody interrupted it")
	}
	a.interrupt()
	if !interrupted(first) || first.Err() == nil {
		t.Error("the question under way goes on")
	}
	end()
	second, over, end := a.begin(t.Context())
	if !over || interrupted(second) || second.Err() != nil {
		t.Error("the next one does not start over, or is interrupted, too")
	}
	end()
	if second.Err() == nil || interrupted(second) {
		t.Error("the end of a question is no interruption")
	}
	a.interrupt() // between two questions
	if third, over, end := a.begin(t.Context()); !over || third.Err() != nil {
		t.Error("an interruption between two questions is lost")
	} else {
		end()
	}
	if _, over, end := a.begin(t.Context()); over {
		t.Error("one interruption counts twice")
	} else {
		end()
	}
}
