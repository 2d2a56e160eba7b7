package xdsserver

import (
	"testing"
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

func TestWhatNobodyEverAcceptedIsLeftOut(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
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
