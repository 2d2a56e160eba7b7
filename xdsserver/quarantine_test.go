package xdsserver

import (
	"fmt"
	"maps"
	"slices"
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

// accepted waits until some client's acceptance of what a name has now has arrived.
func (s *stage) accepted(typeURL, name string) {
	s.t.Helper()
	st := s.stores[own]
	is := func() bool {
		st.mu.RLock()
		defer st.mu.RUnlock()
		t := st.table(typeURL)
		return t.isAccepted(t.known(name))
	}
	for end := time.Now().Add(2 * time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("nobody has accepted %s", name)
		}
	}
}

func TestWhatOneRejectsIsServedToOthersAndItselfGetsWhatWasAccepted(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("web", 1), service("db", 1)...)...)
		odd, good := follow(t, open, "odd"), follow(t, open, "good")
		s.set(assignment("web", 2))
		odd.Nack(odd.Expect(eds, "web@2"), "too new for me")
		odd.Accept(eds, "web@1")
		good.Accept(eds, "web@2")
		odd.Silence()
		again := open("odd")
		again.Want(eds, "web")
		again.Nack(again.Expect(eds, "web@2"), "too new for me")
		again.Accept(eds, "web@1")

		s.set(assignment("web", 3))
		for _, c := range []*xdstest.Client{odd, again, good} {
			c.Accept(eds, "web@3")
			c.Silence()
		}
	})
}

// What a client has of another replica, or from before a restart, is not taken from it.
func TestWhereNothingWasAcceptedBeforeAClientKeepsWhatItHas(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(service("old", 1)...)
		s.set(service("new", 1)...)
		for _, node := range []string{"one", "two", "three"} {
			for _, name := range []string{"old", "new"} {
				c := open(node)
				c.Want(eds, name)
				c.Nack(c.Expect(eds, name+"@1"), "bad")
				c.Silence()
			}
		}
		good := open("good")
		good.Want(cds, "*")
		good.Accept(cds, "new@1", "old@1")
		good.Want(eds, "old", "new")
		good.Accept(eds, "new@1", "old@1")
	})
}

func TestWhoRejectsWhatWasAcceptedTooIsSentNothingMore(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("web", 1), service("db", 1)...)...)
		follow(t, open, "good")
		s.accepted(eds, "web")
		s.set(assignment("web", 2))
		odd := open("odd")
		odd.Want(eds, "web")
		odd.Nack(odd.Expect(eds, "web@2"), "no")
		odd.Nack(odd.Expect(eds, "web@1"), "no")
		odd.Silence()
		s.set(assignment("web", 3))
		odd.Accept(eds, "web@3")
	})
}

func TestWhatWasRejectedIsNeverServedInsteadOfTheNext(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("web", 1), service("db", 1)...)...)
		one, two := follow(t, open, "one"), follow(t, open, "two")
		for _, bad := range []int{2, 3} {
			s.set(assignment("web", bad))
			for _, c := range []*xdstest.Client{one, two} {
				c.Nack(c.Read(), "bad endpoint")
				c.Accept(eds, "web@1")
			}
		}
	})
}

// A client that holds a version from an earlier stream is sent nothing, so it acknowledges nothing:
// saying that it has it is as good.
func TestAVersionThatAClientHoldsIsOneThatItAccepted(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{{"web"}, {"*"}} {
		s := newStage(t)
		s.set(service("web", 1)...)
		good := incremental(t, s, "good")
		good.Resume(eds, map[string]string{"web": "v1"}, names...)
		good.Silence()
		s.set(assignment("web", 2))
		odd := incremental(t, s, "odd")
		odd.Want(eds, "web")
		odd.Nack(odd.Expect(eds, "web@2"), "bad")
		odd.Accept(eds, "web@1")
	}
}

// The same state is under way twice: its cluster brought it along. The client rejects the first,
// and accepts the second with the cluster. What was sent in its place meanwhile is not the last word.
func TestWhatIsAcceptedAfterAllIsWhatAClientEndsWith(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(service("web", 1)...)
		c := open("edge")
		c.Want(cds)
		c.Accept(cds, "web@1")
		c.Want(eds, "web")
		c.Accept(eds, "web@1")
		s.set(assignment("web", 2))
		first := c.Expect(eds, "web@2")
		s.set(cluster("web", 2))
		c.Accept(cds, "web@2")
		second := c.Expect(eds, "web@2")
		c.Nack(first, "does not go with its cluster")
		instead := c.Expect(eds, "web@1")
		c.Ack(second)
		c.Ack(instead)
		c.Accept(eds, "web@2")
		c.Silence()
		s.typeStatus(eds, Synced)
	})
}

func TestAClusterThatChangesHasItsAssignmentOfferedAnew(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(service("web", 1)...)
		c := open("edge")
		c.Want(cds)
		c.Accept(cds, "web@1")
		c.Want(eds, "web")
		c.Accept(eds, "web@1")
		s.set(assignment("web", 2))
		c.Nack(c.Expect(eds, "web@2"), "does not go with its cluster")
		c.Accept(eds, "web@1")
		s.set(cluster("web", 2))
		c.Accept(cds, "web@2")
		c.Accept(eds, "web@2")
		c.Silence()
	})
}

// State of the world has all clusters in each response. One that is rejected has its last accepted
// state there, so that the next response is not rejected, too, and nobody else is blamed for it.
func TestABadClusterIsInNoFurtherStateOfTheWorld(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(cluster("web", 1), cluster("db", 1))
	c := stateOfTheWorld(t, s, "edge")
	c.Want(cds)
	c.Accept(cds, "db@1", "web@1")
	s.set(cluster("web", 2))
	c.Nack(c.Expect(cds, "db@1", "web@2"), "web is bad")
	c.Accept(cds, "db@1", "web@1")
	s.set(cluster("db", 2))
	c.Accept(cds, "db@2", "web@1")
	s.typeStatus(cds, Nacked)
	s.set(cluster("web", 3))
	c.Accept(cds, "db@2", "web@3")
	s.typeStatus(cds, Synced)
}

// Where nothing takes the place of a bad cluster, it is in each response still, since what is left
// out is deleted. What else was new in a response is not blamed for it.
func TestABadClusterIsBlamedAndNotWhatChangesBesideIt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(cluster("db", 1))
	c := stateOfTheWorld(t, s, "edge")
	c.Want(cds)
	c.Accept(cds, "db@1")
	s.set(cluster("web", 1))
	c.Nack(c.Expect(cds, "db@1", "web@1"), "web is bad")
	s.set(cluster("db", 2))
	c.Nack(c.Expect(cds, "db@2", "web@1"), "web is bad")
	c.Silence()
	if got := slices.Sorted(maps.Keys(s.typeStatus(cds, Nacked).Rejected)); !slices.Equal(got, []string{"web"}) {
		t.Errorf("it is said to reject %v", got)
	}
	s.set(cluster("web", 2))
	c.Accept(cds, "db@2", "web@2")
	s.typeStatus(cds, Synced)
}

func TestOfThoseWhoRejectSomethingFewAreNamedAndNoneThatHasLeft(t *testing.T) {
	t.Parallel()
	h := newHall(t, xdstest.Delta, nil)
	h.stage.set(service("web", 1)...)
	var all []guest
	for i := range 20 {
		g := h.open(caller{"127.0.0." + fmt.Sprint(2+i), "", fmt.Sprint("edge-", i)})
		g.Want(eds, "web")
		g.Nack(g.Expect(eds, "web@1"), "bad")
		all = append(all, g)
	}
	h.objections(len(all))
	q := h.stage.Views()[0].Quarantined
	if len(q) != 1 || len(q[0].Nodes) != fewNames || len(q[0].Clients) != fewNames || q[0].Reason != "bad" || q[0].Serving != "" {
		t.Errorf("%+v", q)
	}
	for _, g := range all[1:] {
		g.Close()
	}
	h.objections(1)
	if q := h.stage.Views()[0].Quarantined; len(q) != 0 {
		t.Errorf("%+v", q)
	}
}

// A client that comes with what others reject, or accepts it with all there is, shows that they are
// at fault and not the resource.
func TestWhatSomebodyHasIsNotAtFault(t *testing.T) {
	for name, accepts := range map[string]func(h *hall, late guest, all *xdstest.Response){
		"from another replica": func(h *hall, _ guest, _ *xdstest.Response) {
			h.open(caller{"127.0.0.4", "", "good"}).Resume(eds, map[string]string{"web": "v2"}, "web")
		},
		"with all there is": func(_ *hall, late guest, all *xdstest.Response) { late.Ack(all) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHall(t, xdstest.Delta, nil)
			h.stage.set(append(service("web", 1), service("db", 1)...)...)
			bad := h.follow([]caller{{"127.0.0.2", "", "x"}, {"127.0.0.3", "", "x"}})
			h.stage.set(assignment("web", 2))
			late := h.open(caller{"127.0.0.1", "", "late"})
			late.Want(eds, "*")
			all := late.Expect(eds, "db@1", "web@2")
			for _, b := range bad {
				b.Nack(b.Expect(eds, "web@2"), "web is bad")
			}
			h.atFault(true)
			accepts(h, late, all)
			h.atFault(false)
		})
	}
}
