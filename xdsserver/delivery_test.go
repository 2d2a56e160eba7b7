package xdsserver

import (
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"legate/internal/xdstest"
	"legate/translate"
)

// delivered is how far a resource has come in the only view that has it, once everybody waits.
func (s *stage) delivered(typeURL, name string) Delivery {
	s.t.Helper()
	synctest.Wait()
	all := s.Deliveries([]translate.Name{{Type: typeURL, Name: name}}, 10)
	if len(all) != 1 {
		s.t.Fatalf("%d views have it: %+v", len(all), all)
	}
	return all[0]
}

// counts checks how many streams ask for a resource, have acknowledged it, were sent it, were not sent it, reject it.
func (d Delivery) counts(t *testing.T, streams, acknowledged, inFlight, notSent, rejected int) {
	t.Helper()
	if got, want := []int{d.Streams, d.Acknowledged, d.InFlight, d.NotSent, d.Rejected}, []int{streams, acknowledged, inFlight, notSent, rejected}; !reflect.DeepEqual(got, want) {
		t.Errorf("streams, acknowledged, in flight, not sent, rejected: %v, want %v", got, want)
	}
}

func TestAResourceKnowsWhoHasItWhoWasSentItAndWhoRejectsIt(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set(assignment("a", 1), assignment("b", 1))
		good, slow, bad, other := open("good"), open("slow"), open("bad"), open("other")
		for _, c := range []*xdstest.Client{good, slow, bad} {
			c.Want(eds, "a", "b")
			c.Accept(eds, "a@1", "b@1")
		}
		other.Want(eds, "b")
		other.Accept(eds, "b@1")
		s.delivered(eds, "a").counts(t, 3, 3, 0, 0, 0)

		time.Sleep(time.Hour)
		s.set(assignment("a", 2))
		changed := time.Now()
		answers := map[*xdstest.Client]*xdstest.Response{}
		for _, c := range []*xdstest.Client{good, slow, bad} {
			answers[c] = c.Expect(eds, "a@2")
		}
		s.delivered(eds, "a").counts(t, 3, 0, 3, 0, 0)
		time.Sleep(time.Second)
		good.Ack(answers[good])
		acknowledged := time.Now()
		bad.Nack(answers[bad], "a is bad")
		bad.Accept(eds, "a@1")
		synctest.Wait()
		time.Sleep(10 * time.Minute)
		d := s.delivered(eds, "a")
		d.counts(t, 3, 1, 1, 0, 1)
		if d.Version != "v2" || !d.Changed.Equal(changed) || !d.FirstSent.Equal(changed) || !d.LastAck.Equal(acknowledged) {
			t.Errorf("%+v", d)
		}
		if len(d.Missing) != 2 {
			t.Fatalf("%+v", d.Missing)
		}
		if is := d.Missing[0]; is.Node != "bad" || is.State != Nacked || is.Why != "a is bad" || !is.Since.Equal(acknowledged) || is.Stream == "" {
			t.Errorf("%+v", is)
		}
		if is := d.Missing[1]; is.Node != "slow" || is.State != Stale || is.Why != "" || !is.Since.Equal(changed) {
			t.Errorf("%+v", is)
		}
		s.delivered(eds, "b").counts(t, 4, 4, 0, 0, 0)

		slow.Ack(answers[slow])
		d = s.delivered(eds, "a")
		d.counts(t, 3, 2, 0, 0, 1)
		if !d.LastAck.Equal(time.Now()) {
			t.Errorf("the last one acknowledged it at %v, not at %v", time.Now(), d.LastAck)
		}
		bad.Close()
		s.delivered(eds, "a").counts(t, 2, 2, 0, 0, 0)
	})
}

// Who comes later gets what there is, and that says nothing of how long the change took.
func TestWhoComesLaterDoesNotCountForHowLongAChangeTook(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set(assignment("a", 1))
		published := time.Now()
		if d := s.delivered(eds, "a"); !d.FirstSent.IsZero() || !d.LastAck.IsZero() || d.Streams != 0 || !d.Changed.Equal(published) {
			t.Errorf("%+v", d)
		}
		time.Sleep(time.Hour)
		c := open("first")
		c.Want(eds, "a")
		r := c.Expect(eds, "a@1")
		first := time.Now()
		time.Sleep(time.Second)
		c.Ack(r)
		synctest.Wait()
		acknowledged := time.Now()
		time.Sleep(time.Hour)
		late := open("late")
		late.Want(eds, "a")
		r = late.Expect(eds, "a@1")
		d := s.delivered(eds, "a")
		d.counts(t, 2, 1, 1, 0, 0)
		if is := d.Missing[0]; is.Node != "late" || !is.Since.Equal(time.Now()) {
			t.Errorf("%+v", is)
		}
		late.Ack(r)
		d = s.delivered(eds, "a")
		d.counts(t, 2, 2, 0, 0, 0)
		if !d.FirstSent.Equal(first) || !d.LastAck.Equal(acknowledged) {
			t.Errorf("first sent %v, want %v; last acknowledged %v, want %v", d.FirstSent, first, d.LastAck, acknowledged)
		}
	})
}

func TestAClientThatGetsNoMoreWasNotSentWhatIsNew(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set(assignment("a", 0), assignment("b", 0))
		c := open("full")
		c.Want(eds, "a", "b")
		c.Accept(eds, "a@0", "b@0")
		for n := 1; n <= maxFlight; n++ {
			s.set(assignment("a", n))
			synctest.Wait()
		}
		s.set(assignment("b", 1))
		changed := time.Now()
		time.Sleep(time.Minute)
		s.delivered(eds, "a").counts(t, 1, 0, 1, 0, 0)
		d := s.delivered(eds, "b")
		d.counts(t, 1, 0, 0, 1, 0)
		if is := d.Missing[0]; is.State != NotSent || !is.Since.Equal(changed) || !d.FirstSent.IsZero() {
			t.Errorf("%+v", d)
		}
		c.Want(eds, "a", "b", "c") // owed, since it may get no more
		s.set(assignment("c", 1))
		s.delivered(eds, "c").counts(t, 1, 0, 0, 1, 0)
	})
}

func TestClustersAreFollowedToo(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set(cluster("web", 1), cluster("db", 1))
		all := open("all")
		all.Want(cds)
		r := all.Expect(cds, "db@1", "web@1")
		s.delivered(cds, "web").counts(t, 1, 0, 1, 0, 0)
		all.Ack(r)
		s.delivered(cds, "web").counts(t, 1, 1, 0, 0, 0)
		s.gone(translate.Name{Type: cds, Name: "web"})
		r = all.Read()
		d := s.delivered(cds, "web")
		d.counts(t, 1, 0, 1, 0, 0)
		if d.Version != "" {
			t.Errorf("a cluster that is gone has version %q", d.Version)
		}
		all.Ack(r)
		s.delivered(cds, "web").counts(t, 1, 1, 0, 0, 0)
		s.delivered(cds, "db").counts(t, 1, 1, 0, 0, 0)
		if none := s.Deliveries([]translate.Name{{Type: cds, Name: "never"}, {Type: "none", Name: "web"}}, 1); len(none) != 0 {
			t.Errorf("%+v", none)
		}
	})
}

// What is searched for among the resources of a rejected response was not delivered to the client.
func TestWhatIsSearchedForIsNotDelivered(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set(assignment("a", 1), assignment("b", 1), assignment("c", 1), assignment("d", 1))
		c := open("edge")
		c.Want(eds, "a", "b", "c", "d")
		c.Nack(c.Read(), "d is bad")
		probe := c.Expect(eds, "a@1", "b@1")
		s.delivered(eds, "a").counts(t, 1, 0, 1, 0, 0)
		s.delivered(eds, "d").counts(t, 1, 0, 0, 1, 0)
		c.Ack(probe)
		c.Nack(c.Expect(eds, "c@1", "d@1"), "d is bad")
		c.Ack(c.Expect(eds, "c@1"))
		c.Nack(c.Expect(eds, "d@1"), "d is bad")
		s.delivered(eds, "d").counts(t, 1, 0, 0, 0, 1)
		s.delivered(eds, "c").counts(t, 1, 1, 0, 0, 0)
	})
}

func TestTwoViewsAreTwoDeliveries(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Publish(own, fleet(t, "web").Diff(translate.Resources{}))
	usual := incremental(t, s, "usual")
	usual.Want(cds)
	usual.Ack(usual.Read())
	other := outsider(t, s, xdstest.Delta, "outside", "control")
	other.Want(cds)
	other.Read()
	names := []translate.Name{{Type: cds, Name: "web"}}
	var got []Delivery
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if got = s.Deliveries(names, 1); len(got) == 2 && got[0].Acknowledged == 1 && got[1].InFlight == 1 && got[1].Missing[0].Node == "outside" {
			break
		}
	}
	if len(got) != 2 || got[0].Streams != 1 || got[1].Streams != 1 || got[0].Version == got[1].Version || got[1].View.Source.Cluster != "control" {
		t.Errorf("%+v", got)
	}
}

func TestWhoIsMissingIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set(assignment("a", 1))
		for n := range 30 {
			c := open(fmt.Sprintf("edge-%02d", n))
			c.Want(eds, "a")
			c.Read()
			time.Sleep(time.Second)
		}
		d := s.delivered(eds, "a")
		d.counts(t, 30, 0, 30, 0, 0)
		if len(d.Missing) != 10 || d.Missing[0].Node != "edge-00" || d.Missing[9].Node != "edge-09" {
			t.Errorf("%+v", d.Missing)
		}
		if d := s.Deliveries([]translate.Name{{Type: eds, Name: "a"}}, 0); d[0].InFlight != 30 || d[0].Missing != nil {
			t.Errorf("%+v", d)
		}
	})
}
