package xdsserver

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"legate/internal/xdstest"
)

// follow opens a stream that has taken web@1 and db@1.
func follow(t *testing.T, open opener, node string) *xdstest.Client {
	t.Helper()
	c := open(node)
	c.Want(eds, "web", "db")
	c.Accept(eds, "db@1", "web@1")
	return c
}

func TestWhatOneNodeRejectsIsStillServedToOthers(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("web", 1), service("db", 1)...)...)
		odd, good := follow(t, open, "odd"), follow(t, open, "good")
		s.set(assignment("web", 2))
		odd.Nack(odd.Expect(eds, "web@2"), "too new for me")
		good.Accept(eds, "web@2")
		odd.Silence()
		again := open("odd")
		again.Want(eds, "web")
		again.Expect(eds, "web@2")
		if q := s.Views()[0].Quarantined; len(q) != 0 {
			t.Errorf("%+v", q)
		}
	})
}

func TestWhatSeveralNodesRejectIsKeptBackUntilItChanges(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("web", 1), service("db", 1)...)...)
		one, two := follow(t, open, "one"), follow(t, open, "two")
		s.set(assignment("web", 2))
		one.Nack(one.Expect(eds, "web@2"), "bad endpoint")
		one.Silence()
		two.Nack(two.Expect(eds, "web@2"), "bad endpoint")
		one.Accept(eds, "web@1") // the last state that was accepted
		two.Accept(eds, "web@1")

		q := s.Views()[0].Quarantined
		if len(q) != 1 || q[0].Name != "web" || q[0].Version != "v2" || q[0].Serving != "v1" || q[0].Reason != "bad endpoint" || len(q[0].Nodes) != 2 {
			t.Errorf("%+v", q)
		}
		three := open("three")
		three.Want(eds, "web")
		three.Accept(eds, "web@1")

		s.set(assignment("web", 3))
		for _, c := range []*xdstest.Client{one, two, three} {
			c.Accept(eds, "web@3")
		}
		if q := s.Views()[0].Quarantined; len(q) != 0 {
			t.Errorf("%+v", q)
		}
	})
}

func TestWhatIsNewAndWasNeverAcceptedIsLeftOut(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set()
		s.set(assignment("web", 1))
		for _, node := range []string{"one", "two"} {
			c := open(node)
			c.Want(eds, "web")
			c.Nack(c.Expect(eds, "web@1"), "bad")
			if node == "two" {
				c.Accept(eds, "web@empty")
			}
		}
	})
}

func TestASecondRejectionByTheSameNodeDoesNotCount(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(assignment("web", 1))
		for range 3 {
			c := open("edge")
			c.Want(eds, "web")
			c.Nack(c.Expect(eds, "web@1"), "bad")
			c.Silence()
			c.Close()
		}
	})
}

func TestAnAcceptanceThatComesLateEndsTheQuarantine(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("web", 1), service("db", 1)...)...)
		one, two, slow := follow(t, open, "one"), follow(t, open, "two"), follow(t, open, "slow")
		s.set(assignment("web", 2))
		late := slow.Expect(eds, "web@2")
		one.Nack(one.Expect(eds, "web@2"), "old")
		two.Nack(two.Expect(eds, "web@2"), "old")
		one.Accept(eds, "web@1")
		slow.Expect(eds, "web@1")
		slow.Ack(late)
		slow.Accept(eds, "web@2")
		one.Nack(one.Expect(eds, "web@2"), "old")
		one.Silence()
		s.set(assignment("web", 3))
		for _, c := range []*xdstest.Client{one, two, slow} {
			for r := c.Read(); r.String() != "web@3"; r = c.Read() {
				c.Ack(r)
			}
		}
	})
}

func TestClientsThatRejectEverythingQuarantineNothingOfOthers(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("web", 1), service("db", 1)...)...)
		follow(t, open, "good")
		for _, node := range []string{"odd-1", "odd-2", "odd-3"} {
			c := open(node)
			c.Want(eds, "web", "later-"+node)
			for r := c.Poll(time.Second); r != nil; r = c.Poll(time.Second / 10) {
				c.Nack(r, "I take nothing")
			}
		}
		s.set(assignment("web", 2))
		for _, node := range []string{"odd-4", "odd-5"} {
			c := open(node)
			c.Want(eds, "web")
			c.Nack(c.Expect(eds, "web@2"), "I take nothing")
			c.Silence()
		}
		if q := s.Views()[0].Quarantined; len(q) != 0 {
			t.Errorf("%+v", q)
		}
	})
}

// After a restart of the server nobody has accepted anything yet. Two clients that come first and
// reject take nothing from those that accepted it before.
func TestWhatWasThereAtTheStartIsNotLeftOut(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(service("web", 1)...)
		for _, node := range []string{"one", "two", "three"} {
			c := open(node)
			c.Want(eds, "web")
			c.Nack(c.Expect(eds, "web@1"), "bad")
			c.Silence()
		}
		good := open("good")
		good.Want(cds, "*")
		good.Accept(cds, "web@1")
		good.Want(eds, "web")
		good.Accept(eds, "web@1")
	})
}

// A client that holds a version from an earlier stream is sent nothing, so it acknowledges nothing:
// saying that it has it is as good.
func TestAVersionThatAClientHoldsIsOneThatItAccepted(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{{"web"}, {"*"}} {
		s := newStage(t)
		s.set()
		s.set(service("web", 1)...)
		good := incremental(t, s, "good")
		good.Resume(eds, map[string]string{"web": "v1"}, names...)
		good.Silence()
		for _, node := range []string{"one", "two"} {
			c := incremental(t, s, node)
			c.Want(eds, "web")
			c.Nack(c.Expect(eds, "web@1"), "bad")
			c.Silence()
		}
		good.Silence()
		if q := s.Views()[0].Quarantined; len(q) != 0 {
			t.Errorf("%+v", q)
		}
	}
}

// It comes from another replica, where it accepted what is kept back here.
func TestAClientThatHoldsWhatIsQuarantinedEndsTheQuarantine(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(append(service("web", 1), service("db", 1)...)...)
	open := func(node string) *xdstest.Client { return incremental(t, s, node) }
	one, two := follow(t, open, "one"), follow(t, open, "two")
	s.set(assignment("web", 2))
	one.Nack(one.Expect(eds, "web@2"), "old")
	two.Nack(two.Expect(eds, "web@2"), "old")
	one.Accept(eds, "web@1")
	two.Accept(eds, "web@1")
	good := open("good")
	good.Resume(eds, map[string]string{"web": "v2", "db": "v1"}, "web", "db")
	for r := good.Poll(time.Second / 4); r != nil; r = good.Poll(time.Second / 4) {
		if got := r.String(); got != "web@2" {
			t.Errorf("got %s for what it holds", got)
		}
	}
	one.Expect(eds, "web@2")
	if q := s.Views()[0].Quarantined; len(q) != 0 {
		t.Errorf("%+v", q)
	}
}

// Everything at once, as the first response on a wildcard stream, is accepted late.
func TestAnAcceptanceOfAllThatComesLateEndsTheQuarantine(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(service("db", 1)...)
		one, two := open("one"), open("two")
		for _, c := range []*xdstest.Client{one, two} {
			c.Want(cds, "*")
			c.Accept(cds, "db@1")
		}
		s.set(cluster("web", 1))
		slow := open("slow")
		slow.Want(cds, "*")
		late := slow.Expect(cds, "db@1", "web@1")
		for _, c := range []*xdstest.Client{one, two} {
			c.Nack(c.Read(), "old")
		}
		soon(t, "it is quarantined", func() bool { return len(s.Views()[0].Quarantined) == 1 })
		slow.Ack(late)
		soon(t, "it is served again", func() bool { return len(s.Views()[0].Quarantined) == 0 })
	})
}

// A third that was sent the same state rejects it when it is kept back already: it is named, too.
func TestWhoRejectsWhatIsKeptBackAlreadyIsNamed(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("web", 1), service("db", 1)...)...)
		one, two, three := follow(t, open, "one"), follow(t, open, "two"), follow(t, open, "three")
		s.set(assignment("web", 2))
		late := three.Expect(eds, "web@2")
		one.Nack(one.Expect(eds, "web@2"), "bad endpoint")
		two.Nack(two.Expect(eds, "web@2"), "bad endpoint")
		soon(t, "it is quarantined", func() bool { return len(s.Views()[0].Quarantined) == 1 })
		three.Nack(late, "bad endpoint")
		soon(t, "all three are named", func() bool {
			q := s.Views()[0].Quarantined
			return len(q) == 1 && slices.Equal(q[0].Nodes, []string{"one", "three", "two"})
		})
	})
}

func TestWhatWasQuarantinedIsNeverServedInsteadOfTheNext(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("web", 1), service("db", 1)...)...)
		one, two := follow(t, open, "one"), follow(t, open, "two")
		for _, bad := range []int{2, 3} {
			s.set(assignment("web", bad))
			for _, c := range []*xdstest.Client{one, two} {
				c.Nack(c.Read(), "bad endpoint")
			}
			one.Accept(eds, "web@1")
			two.Accept(eds, "web@1")
		}
	})
}

// Nobody has said anything of the state before it. Whoever accepts what is served instead does not speak
// of that state either.
func TestWhatNobodyAcceptedIsNotServedInsteadOfWhatIsKeptBack(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("web", 1), service("db", 1)...)...)
		both := []*xdstest.Client{follow(t, open, "one"), follow(t, open, "two")}
		publish := func(mark int) {
			s.set(assignment("web", mark))
			synctest.Wait()
		}
		publish(2)
		publish(3)
		for _, c := range both {
			c.Expect(eds, "web@2")
			c.Nack(c.Expect(eds, "web@3"), "bad endpoint")
		}
		for _, c := range both {
			c.Accept(eds, "web@1")
		}
		publish(4)
		for _, c := range both {
			c.Nack(c.Expect(eds, "web@4"), "bad endpoint")
		}
		for _, c := range both {
			c.Accept(eds, "web@1")
		}
	})
}

// What was there at the start is never left out, whoever rejects it, so nothing ends the list of those
// who do. A client comes again with another id as often as it likes.
func TestOfThoseWhoRejectSomethingFewAreKept(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) { c.Limits.RefusedStreams = 1000 })
	s.set(service("web", 1)...)
	for i := range 20 {
		c := incremental(t, s, fmt.Sprint("edge-", i))
		c.Want(eds, "web")
		c.Nack(c.Expect(eds, "web@1"), "bad")
		c.Silence()
		c.Close()
	}
	st := s.stores[own]
	st.mu.RLock()
	defer st.mu.RUnlock()
	r := st.table(eds).entries["web"].refusal
	if r == nil || len(r.nodes) > fewNames {
		t.Errorf("of 20 nodes %d are kept", len(r.nodes))
	}
}
