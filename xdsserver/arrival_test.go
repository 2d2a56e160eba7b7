package xdsserver

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"legate/internal/xdstest"
	"legate/translate"
)

// arrived is how far what was published of a resource at a time has come in the only view, once everybody waits.
func (s *stage) arrived(at time.Time, name string) Arrival {
	s.t.Helper()
	synctest.Wait()
	all := s.Arrivals([]Publication{{At: at, Names: []translate.Name{{Type: eds, Name: name}}}}, 10)
	if len(all) != 1 || len(all[0]) != 1 {
		s.t.Fatalf("%+v", all)
	}
	return all[0][0]
}

// counts checks how many streams asked for it, have acknowledged it, left, and are missing.
func (a Arrival) counts(t *testing.T, asked, acknowledged, left, missing int) {
	t.Helper()
	if got, want := []int{a.Asked, a.Acknowledged(), a.Left, a.MissingCount}, []int{asked, acknowledged, left, missing}; !reflect.DeepEqual(got, want) {
		t.Errorf("asked, acknowledged, left, missing: %v, want %v", got, want)
	}
}

func TestAChangeKnowsWhenItWasSentAndWhoHasNotAcknowledgedIt(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set(assignment("a", 1), assignment("b", 1))
		clients, answers := map[string]*xdstest.Client{}, map[string]*xdstest.Response{}
		for _, node := range []string{"good", "slow", "bad", "gone", "drops"} {
			clients[node] = open(node)
			clients[node].Want(eds, "a", "b")
			clients[node].Accept(eds, "a@1", "b@1")
		}
		time.Sleep(time.Hour)
		s.set(assignment("a", 2))
		second := time.Now()
		for node, c := range clients {
			answers[node] = c.Expect(eds, "a@2")
		}
		s.arrived(second, "a").counts(t, 5, 0, 0, 5)
		time.Sleep(time.Second)
		acknowledged := time.Now()
		clients["good"].Ack(answers["good"])
		clients["bad"].Nack(answers["bad"], "a is bad")
		clients["bad"].Accept(eds, "a@1") // in its place, so it does not have it
		clients["gone"].Close()
		if strings.HasSuffix(t.Name(), string(xdstest.SotW)) { // without a nonce: it answers nothing
			clients["drops"].Request(&discoveryv3.DiscoveryRequest{TypeUrl: eds, ResourceNames: []string{"b"}})
		} else {
			clients["drops"].Want(eds, "b")
		}
		synctest.Wait()
		late := open("late") // in the place of the one that is gone
		late.Want(eds, "a", "b")
		late.Accept(eds, "a@2", "b@1")
		a := s.arrived(second, "a")
		a.counts(t, 5, 1, 2, 2)
		if !a.FirstSent.Equal(second) || !a.LastAck.Equal(acknowledged) || !a.Overtaken.IsZero() || len(a.Missing) != 2 {
			t.Fatalf("%+v", a)
		}
		if is := a.Missing[0]; is.Node != "bad" || is.State != Nacked || is.Why != "a is bad" || is.Stream == "" {
			t.Errorf("%+v", is)
		}
		if is := a.Missing[1]; is.Node != "slow" || is.State != Stale || !is.Since.Equal(second) {
			t.Errorf("%+v", is)
		}

		time.Sleep(time.Minute)
		s.set(assignment("a", 3))
		third := time.Now()
		a = s.arrived(second, "a")
		a.counts(t, 5, 1, 2, 2)
		if !a.Overtaken.Equal(third) || !a.FirstSent.Equal(second) || !a.LastAck.Equal(acknowledged) || len(a.Missing) != 2 || a.Missing[0].Node != "bad" || a.Missing[0].Why != "a is bad" ||
			a.Missing[1].Node != "slow" || a.Missing[1].State != Stale || !a.Missing[1].Since.Equal(second) {
			t.Errorf("%+v", a)
		}
		clients["slow"].Ack(answers["slow"]) // too late
		s.arrived(second, "a").counts(t, 5, 1, 2, 2)
		for _, node := range []string{"good", "slow", "bad"} {
			clients[node].Ack(clients[node].Expect(eds, "a@3"))
		}
		late.Ack(late.Expect(eds, "a@3"))
		s.arrived(third, "a").counts(t, 4, 4, 0, 0)
		if none := s.Arrivals([]Publication{{At: second.Add(1), Names: []translate.Name{{Type: eds, Name: "a"}, {Type: eds, Name: "b"}, {Type: "none"}}}}, 1); len(none[0]) != 0 {
			t.Errorf("%+v", none)
		}
	})
}

// What changes before a client that asks for all has its first response is in that.
func TestWhoTookAllHasWhatChangedMeanwhile(t *testing.T) {
	st := newStore(own)
	st.publish(translate.Batch{Set: []translate.Resource{assignment("a", 1)}}, time.Now())
	table := st.table(eds)
	s := &subscription{table: table, slot: st.attach(func() {}), began: table.seq, seq: table.seq}
	table.follow(s.slot, s)
	s.everything(nil)
	st.publish(translate.Batch{Gone: []translate.Name{{Type: eds, Name: "a"}}, Set: []translate.Resource{assignment("b", 1), assignment("c", 1)}}, time.Now())
	_, d, err := s.due(nil)
	if err != nil || !d.all {
		t.Fatalf("%v %+v", err, d)
	}
	for n, want := range []int{1, 0} {
		for _, name := range []string{"a", "b", "c"} {
			if left, missing := table.awaited(table.entries[name], func(*subscription) {}); left != 0 || missing != want {
				t.Errorf("%s: %d left, %d missing, want %d", name, left, missing, want)
			}
		}
		if n == 0 {
			s.arrived(d)
		}
	}
}

func TestWhatWasOvertakenLongAgoIsForgotten(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		var at []time.Time
		for n := range maxOvertaken + 3 {
			s.set(assignment("a", n))
			at = append(at, time.Now())
			time.Sleep(time.Second)
		}
		names := []translate.Name{{Type: eds, Name: "a"}}
		all := []Publication{{at[0], names}, {at[1], names}, {at[2], names}, {at[maxOvertaken+2], names}}
		known := ""
		for _, of := range s.Arrivals(all, 0) {
			known += fmt.Sprint(len(of))
		}
		if known != "0011" {
			t.Errorf("known of the oldest, the next ones and the newest: %s", known)
		}
	})
}

// BenchmarkPublish publishes a change of one resource that a thousand streams ask for, a tenth of which does not answer.
func BenchmarkPublish(b *testing.B) {
	st, subs := benchStore(b, func(s *subscription, _ int) { s.everything(nil) })
	b.ReportAllocs()
	for n := 2; b.Loop(); n++ {
		st.publish(translate.Batch{Set: []translate.Resource{assignment(benchName(0), n)}}, time.Now())
		e := st.table(eds).entries[benchName(0)]
		for i, s := range subs {
			if i%10 > 0 {
				s.arrived(delivery{entries: []*entry{e}, seq: e.seq})
			}
		}
	}
}
