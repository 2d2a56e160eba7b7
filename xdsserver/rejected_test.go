package xdsserver

import (
	"slices"
	"testing"
	"time"

	"legate/translate"
)

// requireRejected waits until those of the clusters are rejected.
func (s *stage) requireRejected(asked []string, want ...string) (all []Rejected) {
	s.t.Helper()
	var names []translate.Name
	for _, name := range asked {
		names = append(names, translate.Name{Type: cds, Name: name})
	}
	var got []string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		all, got = s.Votes(own, names).Rejected, nil
		for _, one := range all {
			got = append(got, one.Name.Name)
		}
		if slices.Equal(got, want) {
			return all
		}
	}
	s.t.Fatalf("%v are rejected, want %v", got, want)
	return nil
}

func TestWhatAClientRejectsIsToldUntilItChanges(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(cluster("db", 1), cluster("web", 1))
		c := open("edge-1")
		c.Want(cds)
		c.Accept(cds, "db@1", "web@1")
		all := []string{"db", "none", "web"}
		s.requireRejected(all)

		s.set(cluster("web", 2))
		c.Nack(c.Read(), "no such suite")
		if r := s.requireRejected(all, "web"); r[0].Node != "edge-1" || r[0].Client != "127.0.0.1" || r[0].Reason != "no such suite" {
			t.Errorf("told: %+v", r)
		}
		s.requireRejected([]string{"db"})
		s.set(cluster("web", 3))
		s.requireRejected(all)
	})
}

func TestWhatAClientRejectedThatHasLeftIsNotToldAnyMore(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(cluster("web", 1))
		c := open("edge-1")
		c.Want(cds)
		c.Nack(c.Expect(cds, "web@1"), "no such suite")
		s.requireRejected([]string{"web"}, "web")
		c.Close()
		s.requireRejected([]string{"web"})
	})
}

// In state of the world a client rejects all that is new together.
func TestWhatAClientRejectsTogetherIsRejectedEach(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(cluster("a", 1), cluster("b", 1), cluster("c", 1))
	c := stateOfTheWorld(t, s, "edge")
	c.Want(cds)
	c.Accept(cds, "a@1", "b@1", "c@1")
	s.set(cluster("a", 2), cluster("b", 2))
	c.Nack(c.Expect(cds, "a@2", "b@2", "c@1"), "a is bad")
	s.requireRejected([]string{"a", "b", "c"}, "a", "b")
	s.set(cluster("a", 3), cluster("b", 3))
	c.Accept(cds, "a@3", "b@3", "c@1")
	s.requireRejected([]string{"a", "b", "c"})
}
