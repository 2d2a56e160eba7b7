package xdsserver

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"legate/internal/xdstest"
	"legate/translate"
)

func TestTheFirstAnswerForANameWaitsForIt(t *testing.T) {
	following(t, time.Hour, func(t *testing.T, s *stage, w *demands, open opener) {
		w.expect(Soon, "db")
		c := open("edge")
		c.Want(eds, "web", "db", "ghost")
		c.Accept(eds, "web@1", "ghost@empty") // these are answered at once
		c.Silence()
		s.set(service("web", 2)...)
		c.Accept(eds, "web@2")
		s.set(service("db", 1)...)
		c.Accept(eds, "db@1")
		c.Silence()
	})
}

func TestTheFirstAnswerDoesNotWaitForLong(t *testing.T) {
	following(t, 2*time.Second, func(t *testing.T, s *stage, w *demands, open opener) {
		w.expect(Unread, "db")
		c := open("edge")
		began := time.Now()
		c.Want(eds, "db")
		c.Accept(eds, "db@empty")
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("answered after %v", took)
		}
		s.set(service("db", 1)...) // after all
		c.Accept(eds, "db@1")
	})
}

// What nobody asks for any more is not answered, and asked for again it waits again.
func TestANameThatIsGivenUpWhileItWaitsIsNotAnswered(t *testing.T) {
	following(t, 2*time.Second, func(t *testing.T, s *stage, w *demands, open opener) {
		w.expect(Soon, "db")
		c := open("edge")
		c.Want(eds, "web", "db")
		c.Accept(eds, "web@1")
		c.Want(eds, "web")
		time.Sleep(3 * time.Second)
		c.Silence()
		c.Want(eds, "web", "db")
		c.Silence()
		c.Accept(eds, "db@empty")
	})
}

// On demand: who asks for a cluster by its name.
func TestAClusterThatIsAskedForByNameIsAwaited(t *testing.T) {
	followingOver(t, xdstest.Delta, 2*time.Second, func(t *testing.T, s *stage, w *demands, open opener) {
		w.expect(Soon, "db", "cache")
		c := open("edge")
		c.Want(cds, "web", "db", "cache")
		c.Accept(cds, "web@1")
		s.set(service("db", 1)...)
		c.Accept(cds, "db@1")
		c.Accept(cds, "-cache") // is not there in time
	})
}

// Over state of the world a response that lacks a cluster takes it away, so that it waits for all. It waits once.
func TestAllClustersWaitForOneOverStateOfTheWorld(t *testing.T) {
	followingOver(t, xdstest.SotW, 2*time.Second, func(t *testing.T, s *stage, w *demands, open opener) {
		w.expect(Soon, "db", "cache", "more")
		c := open("edge")
		c.Want(cds, "web", "db")
		c.Silence()
		s.set(service("web", 2)...)
		c.Silence() // this waits, too
		s.set(service("db", 1)...)
		c.Accept(cds, "db@1", "web@2")

		began := time.Now()
		c.Want(cds, "web", "db", "cache")
		time.Sleep(time.Second)
		c.Want(cds, "web", "db", "cache", "more")
		c.Accept(cds, "db@1", "web@2")
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("answered after %v", took)
		}
	})
}

// A client that connects again after Legate was started anew keeps what it has until Consul has answered.
func TestAClientKeepsWhatItHasWhileConsulIsNotRead(t *testing.T) {
	following(t, 2*time.Second, func(t *testing.T, s *stage, w *demands, open opener) {
		w.expect(Unread, "db", "cache")
		c := open("edge")
		c.Resume(eds, map[string]string{"db": "from before", "cache": "from before"}, "db", "cache")
		time.Sleep(time.Hour)
		c.Silence()
		s.set(service("db", 1)...)
		c.Accept(eds, "db@1")
		w.expect(Nothing, "cache") // Consul has answered
		c.Accept(eds, "cache@empty")
	})
}

// One name that Consul never answers for does not hold up all clusters of a client for ever.
func TestAllClustersAreHeldForOneAMinuteAtMost(t *testing.T) {
	followingOver(t, xdstest.SotW, 2*time.Second, func(t *testing.T, s *stage, w *demands, open opener) {
		w.expect(Unread, "db")
		c := open("edge")
		c.Resume(cds, map[string]string{"web": "from before", "db": "from before"}, "web", "db")
		time.Sleep(58 * time.Second)
		c.Silence()
		c.Accept(cds, "web@1")
	})
}

// A batch with one name of many that wait answers just that one.
func TestManyNamesThatWaitAreAnsweredAsTheyCome(t *testing.T) {
	following(t, time.Hour, func(t *testing.T, s *stage, w *demands, open opener) {
		names := strings.Fields("a b c d e f g h")
		w.expect(Soon, names...)
		c := open("edge")
		c.Want(eds, names...)
		for _, name := range names {
			s.set(assignment(name, 1))
			c.Accept(eds, name+"@1")
		}
		s.gone(translate.Name{Type: eds, Name: "a"})
		c.Accept(eds, "a@empty") // it was there: that it is gone is told at once
	})
}

// waitingSubscription is one for which every name is expected.
func waitingSubscription(whole bool) *subscription {
	st := newStore(own)
	return &subscription{table: st.table(cds), slot: st.attach(func() {}), whole: whole, firstWait: time.Minute, expected: func(string) Expected { return Unread }}
}

// A client that answers nothing gets nothing, so that nobody goes through what waits. What it gives up is forgotten all
// the same.
func TestWhatAClientGivesUpIsForgottenAlthoughItAnswersNothing(t *testing.T) {
	sub := waitingSubscription(false)
	for i := range 1000 {
		name := fmt.Sprint("db-", i)
		if err := sub.subscribe(listed(name), nil); err != nil {
			t.Fatal(err)
		}
		sub.unsubscribe(listed(name))
	}
	if n := len(sub.awaited); n != 0 {
		t.Errorf("%d names wait, and none is asked for", n)
	}
}

// Many names take about as long as so many of fewer clients: all clients wait while they are noted. Both take equally
// long, so that a machine which does other things meanwhile delays both.
func TestManyNamesThatWaitCostNoMoreEach(t *testing.T) {
	took := func(clients, n int) time.Duration {
		names := listed(ghosts("db", n, 0)...)
		began := time.Now()
		for range clients {
			if err := waitingSubscription(true).rename(names, true); err != nil {
				t.Fatal(err)
			}
		}
		return time.Since(began)
	}
	few, many := time.Hour, time.Hour
	for range 5 {
		few, many = min(few, took(20, 1000)), min(many, took(1, 20_000))
	}
	if many > 6*few {
		t.Errorf("20 clients with 1,000 names take %v, one with 20,000 %v", few, many)
	}
}

// A request that waits takes no place from others which could be answered.
func TestASingleRequestThatWaitsHoldsUpNoOthers(t *testing.T) {
	t.Parallel()
	w := &demands{expected: map[string]Expected{}}
	s := newStageWith(t, io.Discard, w.prepare, func(c *Config) {
		c.FirstAnswerWait, c.Limits.Fetches, c.Limits.NewStreamWait = time.Hour, 1, 10*time.Second
	})
	s.set(service("web", 1)...)
	w.expect(Unread, "db")
	answer := make(chan string, 1)
	go func() {
		answer <- s.fetched("endpoints", `{"node":{"id":"edge"},"resource_names":["db"]}`)
	}()
	w.awaitTold(t, "db")
	if a := s.fetched("endpoints", `{"node":{"id":"other"},"resource_names":["web"]}`); !strings.Contains(a, "cluster_name") {
		t.Errorf("got %s", a)
	}
	s.set(service("db", 7)...)
	if a := <-answer; !strings.Contains(a, "7") {
		t.Errorf("got %s", a)
	}
}

// Who polls says which version he has. Nobody takes it from him before Consul has answered.
func TestWhoPollsKeepsWhatHeHasWhileConsulIsNotRead(t *testing.T) {
	t.Parallel()
	s, w := followingStage(t, 10*time.Millisecond)
	w.expect(Unread, "db")
	poll := func(version string, names ...string) string {
		return s.fetched("endpoints", fmt.Sprintf(`{"node":{"id":"edge"},"version_info":%q,"resource_names":["%s"]}`, version, strings.Join(names, `","`)))
	}
	if got := poll("from before", "db"); got != "nothing to serve yet: Consul has not answered for what is asked for\n" {
		t.Errorf("it has something from before: %s", got)
	}
	for _, answer := range []string{poll("", "db"), poll("from before", "web", "db"), poll("from before", "ghost", "db"), poll("from before", "ghost")} {
		if !strings.Contains(answer, "cluster_name") {
			t.Errorf("nothing from before, or something else is asked for: %s", answer)
		}
	}
	w.expect(Nothing, "db")
	empty := poll("from before", "db")
	if !strings.Contains(empty, "cluster_name") {
		t.Errorf("Consul has answered: %s", empty)
	}
	w.expect(Unread, "db")
	var is struct {
		Version string `json:"version_info"`
	}
	if err := json.Unmarshal([]byte(empty), &is); err != nil {
		t.Fatal(err)
	}
	if got := poll(is.Version, "db"); got != "" {
		t.Errorf("it has what would be sent: %s", got)
	}
}

func TestASingleRequestWaitsForWhatIsExpected(t *testing.T) {
	t.Parallel()
	s, w := followingStage(t, time.Hour)
	w.expect(Soon, "db")
	answer := make(chan string, 1)
	go func() {
		answer <- s.fetched("endpoints", `{"node":{"id":"edge"},"resource_names":["web","db"]}`)
	}()
	w.awaitTold(t, "web", "db")
	s.set(service("web", 2)...)
	select {
	case a := <-answer:
		t.Errorf("answered too early: %s", a)
	case <-time.After(100 * time.Millisecond):
	}
	s.set(service("db", 7)...)
	if a := <-answer; strings.Count(a, "cluster_name") != 2 || !strings.Contains(a, "7") {
		t.Errorf("got %s", a)
	}
}
