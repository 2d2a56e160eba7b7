package watch

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/consul"
)

// polls are the questions about services that do not wait.
func polls(q question) bool { return isService(q) && q.index == 0 }

// noSignals is a Consul that does not tell about checks, so that the sweep is the same all the time.
var noSignals = only(isChecks, refuse(403))

// ringOf6 is a service with a query, and six without: the turn of one comes every half second.
func (a *asking) ringOf6() []*Service {
	a.spoilWith(noSignals)
	all := a.watching("a", "b", "c", "d", "e", "f", "g")
	a.Complete()
	time.Sleep(10 * time.Second)
	a.take(isService)
	return all
}

// Each service of the ring has its turn in each round, and what it says is told when it changed.
func TestEachServiceIsReadInItsTurn(t *testing.T) {
	inTime(t, short, func(t *testing.T, a *asking) {
		all := a.ringOf6()
		told[Answered](a)
		time.Sleep(30 * time.Second)
		turns := map[string]int{}
		for _, q := range a.take(polls) {
			turns[q.path[len(healthPath):]]++
		}
		for _, s := range all[1:] {
			if n := turns[s.Key.Name]; n != 10 {
				t.Errorf("%s was read %d times in ten rounds", s.Key.Name, n)
			}
		}
		if got := told[Answered](a); len(got) > 0 {
			t.Errorf("told %+v, and nothing changed", got)
		}
		a.service("d", 3)
		time.Sleep(3 * time.Second)
		if got := told[Answered](a); len(got) != 1 || got[0].Service != all[3] || len(got[0].Reading.Service.Instances) != 3 {
			t.Errorf("told %+v, want d in its turn", got)
		}
	})
}

// After a stop of Consul's the turns that were missed are made up for, but not all at once.
func TestTheSweepCatchesUpWithSmallDelaysOnly(t *testing.T) {
	for _, c := range []struct {
		stop        time.Duration
		least, most int // reads from its begin to five seconds after its end
	}{
		{2500 * time.Millisecond, 15, 16},
		{time.Minute, 15, 19},
	} {
		inTime(t, short, func(t *testing.T, a *asking) {
			a.ringOf6()
			over := make(chan struct{})
			a.spoilWith(only(polls, func(question) (*http.Response, error) { <-over; return nil, nil }))
			time.Sleep(c.stop)
			close(over)
			time.Sleep(5 * time.Second)
			if n := len(a.take(polls)); n < c.least || n > c.most {
				t.Errorf("in a stop of %v and 5 s more: %d reads, want %d to %d", c.stop, n, c.least, c.most)
			}
			a.spoilWith(noSignals)
		})
	}
}

// A service that cannot be read is named, keeps its turn, and takes that of nobody else.
func TestAServiceOfTheRingThatCannotBeRead(t *testing.T) {
	inTime(t, short, func(t *testing.T, a *asking) {
		all := a.ringOf6()
		a.spoilWith(func(q question) (*http.Response, error) {
			if q.of("c") {
				return refuse(500)(q)
			}
			return noSignals(q)
		})
		time.Sleep(time.Minute)
		if !a.Fails(all[2]) || a.Fails(all[3]) {
			t.Error("not the one fails that does")
		}
		a.take(isService)
		time.Sleep(time.Minute)
		others := 0
		for _, q := range a.take(polls) {
			if !q.of("c") {
				others++
			}
		}
		if others < 90 {
			t.Errorf("%d reads of the others in a minute, want 100", others)
		}
		a.spoilWith(noSignals)
		time.Sleep(31 * time.Second)
		if a.Fails(all[2]) {
			t.Error("it fails although it was answered")
		}
		a.take(isService)
		a.ReadSoon(all[2])
		if asked := a.take(polls); len(asked) != 1 || asked[0].consistent {
			t.Errorf("asked %+v", asked)
		}
	})
}

// One that fails alone again and again is asked for ever less often by who polls it; all are read in their turns when it is
// answered again.
func TestAConsulThatFailsIsSweptLessOften(t *testing.T) {
	inTime(t, short, func(t *testing.T, a *asking) {
		a.ringOf6()
		for range 3 {
			a.spoilWith(refuse(500))
			time.Sleep(10 * time.Minute)
			a.take(isService)
			time.Sleep(10 * time.Minute)
			if n := len(a.take(polls)); n < 40 || n > 400 {
				t.Errorf("%d reads in ten minutes of a Consul that fails", n)
			}
			a.spoilWith(noSignals)
			time.Sleep(time.Minute)
			a.take(isService)
			time.Sleep(30 * time.Second)
			if n := len(a.take(polls)); n < 59 || n > 61 {
				t.Errorf("%d reads in 30 s of a Consul that answers, want 60", n)
			}
		}
	})
}

// A turn that is due sooner, because the ring has grown or something came that nobody named, is not waited for as long as
// before.
func TestATurnThatIsDueSoonerComesSooner(t *testing.T) {
	inTime(t, shortAndSlow, func(t *testing.T, a *asking) {
		a.checks(nil, "passing")
		all := a.watching("a", "b", "c")
		a.Complete()
		time.Sleep(10 * time.Minute)
		a.take(isService)
		// Something that no signal names moves the list.
		a.put(listPath, consul.Listing{"consul": {}})
		time.Sleep(time.Second)
		if n := len(a.take(polls)); n < 2 || n > 4 {
			t.Errorf("%d reads in a second after something came, want one round of 2", n)
		}
		// The ring grows.
		var names []string
		for n := range 600 {
			names = append(names, fmt.Sprint("many", n))
		}
		a.watching(names...)
		time.Sleep(30 * time.Second)
		a.take(isService)
		time.Sleep(10 * time.Minute)
		if n := len(a.take(polls)); n < 95 || n > 105 {
			t.Errorf("%d reads in ten minutes of 600 services in an hour, want 100", n)
		}
		for _, s := range all {
			a.Unwatch(s, time.Now())
		}
	})
}

// A service of the ring that gets a query of its own has one, from the next answer on, and no turn any more.
func TestAServiceThatLeavesTheRingHasAQuery(t *testing.T) {
	inTime(t, short, func(t *testing.T, a *asking) {
		all := a.ringOf6()
		for n := range 3 { // its first change is seen in its turn, the second gives it a query, and the third is seen at once
			a.service("e", n+1)
			if n == 2 {
				if got := a.sizes(all[4]); fmt.Sprint(got) != "[3]" {
					t.Errorf("it has a query, and at once tells %v", got)
				}
				break
			}
			time.Sleep(4 * time.Second)
			for range told[Answered](a) {
				a.Changed(all[4], time.Now())
			}
			time.Sleep(restful)
		}
		a.take(isService)
		time.Sleep(time.Minute)
		swept := map[string]int{}
		for _, q := range a.take(polls) {
			swept[q.path[len(healthPath):]]++
		}
		if swept["e"] > 0 || swept["a"] < 15 || len(swept) != 6 {
			t.Errorf("read in turn: %v, want a in the place of e", swept)
		}
	})
}

// A service that gets a query of its own while it is polled has one when that is over.
func TestAServiceThatIsPolledGetsItsQueryAfterThat(t *testing.T) {
	inTime(t, short, func(t *testing.T, a *asking) {
		all := a.ringOf6()
		slow := only(aboutOf("e"), slowly(time.Second))
		a.spoilWith(func(q question) (*http.Response, error) { _, _ = slow(q); return noSignals(q) })
		a.service("e", 1)
		a.ReadSoon(all[4])
		for range 2 {
			time.Sleep(100 * time.Millisecond)
			a.Changed(all[4], time.Now())
		}
		if n := len(a.take(aboutOf("e"))); n != 1 {
			t.Errorf("asked %d times while it is polled, want that one to end", n)
		}
		time.Sleep(2 * time.Second)
		a.spoilWith(noSignals)
		told[Answered](a)
		a.service("e", 2)
		if got := a.sizes(all[4]); fmt.Sprint(got) != "[2]" {
			t.Errorf("after that a change is told at once as %v", got)
		}
	})
}

// Who is in a hurry is read at once, by a few at a time, each once; who comes while it is read is read again.
func TestWhoIsInAHurryIsReadByAFew(t *testing.T) {
	inTime(t, short, func(t *testing.T, a *asking) {
		all := a.ringOf6()
		slow := only(polls, slowly(100*time.Millisecond))
		a.spoilWith(func(q question) (*http.Response, error) { _, _ = slow(q); return noSignals(q) })
		time.Sleep(250 * time.Millisecond)
		a.take(isService)
		for _, s := range all[1:] {
			a.ReadSoon(s)
		}
		time.Sleep(time.Millisecond)
		if n := len(a.take(polls)); n < urgentReaders || n > urgentReaders+1 {
			t.Errorf("%d are read at once, want %d", n, urgentReaders)
		}
		for _, s := range all[1:4] { // are being read
			a.ReadSoon(s)
		}
		time.Sleep(400 * time.Millisecond)
		if n := len(a.take(polls)); n < 6 || n > 8 {
			t.Errorf("then %d are read, want the other three, and three again", n)
		}
		a.spoilWith(noSignals)
	})
}

// Whoever waits for the ring stops when it is not needed any more.
func TestWhoWaitsForTheRingHearsTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := newPollRing()
		var hurry, some bool // it is heard
		go func() { hurry = r.takeUrgent(ctx) == nil }()
		go func() { some = !r.awaitSome(ctx) }()
		synctest.Wait()
		if hurry || some {
			t.Errorf("heard before, of what is in a hurry: %v, of somebody: %v", hurry, some)
		}
		cancel()
		synctest.Wait()
		if !hurry || !some {
			t.Errorf("heard by who waits for what is in a hurry: %v, for somebody: %v", hurry, some)
		}
		if r.awaitTurn(ctx, time.Hour) {
			t.Error("a turn comes after the end")
		}
	})
}

// A service that is read for longer than its turn comes again is not read twice at once.
func TestAServiceIsNotReadTwiceAtOnce(t *testing.T) {
	inTime(t, short, func(t *testing.T, a *asking) {
		all := a.ringOf6()
		for _, s := range all[2:] {
			a.Unwatch(s, time.Now())
		}
		a.spoilWith(func(q question) (*http.Response, error) {
			if strings.HasSuffix(q.path, "/b") {
				time.Sleep(10 * time.Second)
			}
			return noSignals(q)
		})
		time.Sleep(time.Second)
		a.take(isService)
		for range 4 {
			a.ReadSoon(all[1])
			time.Sleep(25 * time.Second)
		}
		if most := a.atOnce(); most > 2 { // a question of the list's or the signals' beside
			t.Errorf("%d questions at once", most)
		}
		if n := len(a.take(polls)); n < 9 || n > 12 {
			t.Errorf("read %d times in 100 s, where it takes ten", n)
		}
		a.spoilWith(noSignals)
		time.Sleep(time.Minute)
	})
}

// What is to be read from the start is asked of the leader, also if it is polled.
func TestAServiceOfTheRingIsReadFromTheStart(t *testing.T) {
	inTime(t, short, func(t *testing.T, a *asking) {
		all := a.ringOf6()
		a.ReadAgain(all[1])
		if asked := a.take(isService); len(asked) != 1 || !asked[0].of("b") || !asked[0].consistent {
			t.Errorf("asked %+v, want the leader asked for b at once", asked)
		}
		a.ReadSoon(all[1])
		if asked := a.take(isService); len(asked) != 1 || asked[0].consistent {
			t.Errorf("and then asked %+v, want any server asked", asked)
		}
	})
}
