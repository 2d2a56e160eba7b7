package xdsserver

import (
	"slices"
	"testing"
	"testing/synctest"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"legate/internal/xdstest"
	"legate/translate"
)

// A stream's slot is given to the next one. Nothing of what the first asked for clings to it: neither a
// wildcard nor a name.
func TestAStreamInAFreedSlotInheritsNothing(t *testing.T) {
	for _, before := range [][]string{{"*"}, {"a", "ghost"}, {"*", "a"}} {
		inBubble(t, func(t *testing.T, s *stage, open opener) {
			s.set(append(service("a", 1), service("b", 1)...)...)
			first := open("first")
			for _, typeURL := range []string{cds, eds} {
				first.Want(typeURL, before...)
				first.Ack(first.Read())
			}
			first.Close()
			synctest.Wait()

			second := open("second")
			second.Want(eds, "b")
			second.Accept(eds, "b@1")
			if n := len(s.stores[own].wakers); n != 1 {
				t.Fatalf("%d slots, the second stream should be in the first one's", n)
			}
			s.set(service("a", 2)...)
			s.set(assignment("ghost", 1), cluster("ghost", 1))
			second.Silence()
			s.set(assignment("b", 2))
			second.Accept(eds, "b@2")
		})
	}
}

// What is made for one client is shared with others that are owed the same, and only with those.
func TestEachClientThatComesBackHearsWhatItsOwnNamesAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bubbled(t)
		s.set(service("web", 1)...)
		for _, gone := range []string{"shop", "pay"} {
			c := s.tube(xdstest.Delta, gone)
			c.Resume(cds, map[string]string{"web": "v1", gone: "v1"})
			c.Accept(cds, "-"+gone)
		}
	})
}

// What a stream hears does not depend on what others ask for, or on what there was long ago.
func TestNobodyHearsOfNamesThatItDoesNotWant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bubbled(t)
		s.set(append(service("a", 1), service("b", 1)...)...)
		other := s.tube(xdstest.Delta, "other")
		other.Want(eds, "ghost")
		other.Accept(eds, "ghost@empty")
		s.gone(translate.Name{Type: eds, Name: "b"})
		c := s.tube(xdstest.Delta, "edge")
		c.Want(eds, "*")
		c.Accept(eds, "a@1")
		c.Request(want(eds, nil, "ghost", "b")) // were not asked for by name, and are not there
		c.Silence()
		c.Request(want(eds, []string{"shade"}, "shade", "*"))
		c.Silence()
		c.Want(cds, "b", "ghost")
		c.Accept(cds, "b@1", "-ghost") // which brings no assignments along
		c.Silence()
	})
}

// A response with everything is rejected late. Of what was in it one resource is still there: it was not
// alone, so it is tried alone.
func TestWhatIsLeftOfARejectedResponseIsTriedAlone(t *testing.T) {
	inBubble(t, func(_ *testing.T, s *stage, open opener) {
		s.set(append(service("good", 1), service("bad", 1)...)...)
		c := open("edge")
		c.Want(eds, "*")
		first := c.Expect(eds, "bad@1", "good@1")
		s.gone(translate.Name{Type: eds, Name: "bad"})
		second := c.Read() // that it is gone, as far as the protocol can say so
		c.Nack(first, "bad is bad")
		c.Ack(second)
		c.Accept(eds, "good@1")
		c.Silence()
	})
}

// want is an incremental request.
func want(typeURL string, names []string, dropped ...string) *discoveryv3.DeltaDiscoveryRequest {
	return &discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURL, ResourceNamesSubscribe: names, ResourceNamesUnsubscribe: dropped}
}

// A name that was forgotten is not needed where all that is wanted is sent, or where it is named.
func TestWhoFellBehindHearsOfWhatIsGoneAndOfNothingElse(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set(slices.Concat(service("a", 1), service("b", 1), service("c", 1))...)
		for _, table := range s.stores[own].tables {
			table.logLimit = 2
		}
		all, named := open("all"), open("named")
		all.Want(cds, "a", "b", "c")
		named.Want(eds, "a", "b", "c")
		last := []*xdstest.Response{all.Expect(cds, "a@1", "b@1", "c@1"), named.Expect(eds, "a@1", "b@1", "c@1")}
		for mark := range maxFlight - 1 { // until they get nothing more
			s.set(service("c", mark)...)
			last = []*xdstest.Response{all.Read(), named.Read()}
		}
		s.gone(translate.Name{Type: cds, Name: "b"}, translate.Name{Type: eds, Name: "b"})
		for mark := range 20 {
			s.set(service("a", mark)...)
		}
		all.Silence()
		all.Ack(last[0])
		if r := all.Read(); r.String() != "a@19 c@62" && r.String() != "-b a@19" {
			t.Errorf("got %s", r)
		}
		named.Ack(last[1])
		named.Accept(eds, "a@19", "b@empty")
		named.Silence()
	})
}

// The log of changes was cut in the middle of a batch, so that a name that nobody wants any more is
// forgotten while the log has it still. When it is there again, nothing forgets it a second time.
func TestAServiceThatComesBackIsNotForgottenWithItsPast(t *testing.T) {
	inBubble(t, func(_ *testing.T, s *stage, open opener) {
		s.set()
		s.stores[own].table(eds).logLimit = 2
		c := open("edge")
		c.Want(eds, "web")
		c.Accept(eds, "web@empty")
		s.set(assignment("web", 1))
		c.Accept(eds, "web@1")
		s.Publish(own, translate.Batch{Set: []translate.Resource{assignment("a", 1), assignment("b", 1)}, Gone: []translate.Name{{Type: eds, Name: "web"}}})
		c.Accept(eds, "web@empty")
		c.Want(eds, "a")
		c.Accept(eds, "a@1")
		s.set(assignment("web", 2))
		for mark := range 10 {
			s.set(assignment("b", mark))
		}
		late := open("late")
		late.Want(eds, "web")
		late.Accept(eds, "web@2")
	})
}
