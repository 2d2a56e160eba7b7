package discovery

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/watch"
)

// A start goes on without services that cannot be read, if they are few, each fails by itself, and
// nothing new came for long.
func TestWhenTheUnreadAreNotWaitedForAnyMore(t *testing.T) {
	for _, c := range []struct {
		name          string
		services      int
		unread        int
		refused       int  // of these
		failing       int  // of these
		also          bool // the list fails
		after         time.Duration
		complete, all bool
	}{
		{"a tenth", 21, 2, 0, 2, false, unreadPatience, true, false},
		{"too soon", 21, 2, 0, 2, false, unreadPatience - 1, false, false},
		{"more than a tenth", 21, 3, 0, 3, false, unreadPatience, false, false},
		{"more than a tenth, but for names that are refused", 21, 3, 1, 2, false, unreadPatience, true, false},
		{"one of few", 5, 1, 0, 1, false, unreadPatience, true, false},
		{"two of few", 5, 2, 0, 2, false, unreadPatience, false, false},
		{"one is on its way", 21, 2, 0, 1, false, unreadPatience, false, false},
		{"the list fails", 21, 2, 0, 2, true, unreadPatience, false, false},
		{"there is but one", 1, 1, 0, 1, false, unreadPatience, false, false},
		{"all are refused", 2, 2, 2, 0, false, unreadPatience, false, false},
		{"the rest is refused", 21, 3, 3, 0, false, 0, true, true},
	} {
		inLoop(t, func(t *testing.T, l *loop, asked *recorder) {
			problem := func() *catalog.Problem {
				l.publish()
				return l.w.unread
			}
			now := time.Now()
			var names []string
			for n := range c.services {
				names = append(names, name(n))
			}
			l.services.byName, l.services.unread, asked.failing = map[string]*service{}, 0, map[string]bool{}
			l.lists(10, names...)
			for n := range c.unread {
				f := l.services.byName[name(n)]
				if n < c.refused {
					l.handle(watch.Refused{Service: f.Service, Err: errors.New("400"), At: now})
				} else if n < c.refused+c.failing {
					asked.failing[f.Key.Name] = true
				}
			}
			asked.noList = c.also
			for n := c.unread; n < c.services; n++ {
				l.reads(name(n), uint64(20+n), 1)
			}
			if problem() != nil {
				t.Errorf("%s: what is on its way is a problem", c.name)
			}
			l.stopWaiting(now.Add(c.after))
			if l.complete != c.complete {
				t.Errorf("%s: complete %v", c.name, l.complete)
			}
			time.Sleep(unreadPatience)
			if p := problem(); (p != nil) != (c.complete && !c.all) || p != nil && (p.Services != c.unread-c.refused || !strings.Contains(p.Detail, name(c.refused))) {
				t.Errorf("%s: problem %+v", c.name, p)
			}
		})
	}
}

// Names are listed up to some, and the rest is counted.
func TestNamesOfAProblemAreFew(t *testing.T) {
	inLoop(t, func(t *testing.T, l *loop, asked *recorder) {
		var names []string
		for n := range 7 {
			names = append(names, name(n))
		}
		l.lists(11, append(names, "web")...)
		l.reads("web", 12, 1)
		start := time.Now()
		for n := range names {
			l.handle(watch.Refused{Service: l.services.byName[name(n)].Service, Err: errors.New("400"), At: start.Add(-time.Duration(n) * time.Second)})
		}
		if p := l.services.refusedProblem(); p == nil || p.Services != len(names) || !strings.Contains(p.Detail, `"svc-004" and 2 more: 400`) || strings.Contains(p.Detail, "svc-005") ||
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
