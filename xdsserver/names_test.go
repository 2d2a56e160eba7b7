package xdsserver

import (
	"fmt"
	"testing"
	"time"

	"legate/translate"
)

func TestAClientThatHoldsManyThatAreGoneHearsOfAll(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(cluster("web", 1))
	have := map[string]string{"web": "v1"}
	for i := range 2000 {
		have[fmt.Sprint("gone-", i)] = "v1"
	}
	c := incremental(t, s, "back")
	c.Resume(cds, have)
	if r := c.Read(); len(r.Removed) != 2000 {
		t.Errorf("not told what is gone: %v", r)
	}
}

func TestAClientThatAsksAgainAndAgainAndAnswersNothingIsOwedEachNameOnce(t *testing.T) {
	const rounds, names = 1000, 100
	name := func(i int) string { return fmt.Sprint("s-", i) }
	some := func(from int) (out []string) {
		for i := range names {
			out = append(out, name(from+i))
		}
		return out
	}
	for what, c := range map[string]struct {
		ask  func(s *subscription, round int) error
		owes int // in the end
	}{
		"the same names": {func(s *subscription, _ int) error { return s.subscribe(listed(some(0)...), nil) }, names},
		"other names each time": {func(s *subscription, round int) error {
			if round > 0 {
				s.unsubscribe(listed(some((round - 1) * names % 400)...))
			}
			return s.subscribe(listed(some(round*names%400)...), nil)
		}, names},
		"other names each time, state of the world": {func(s *subscription, round int) error {
			return s.rename(listed(some(round*names%500)...), false)
		}, names},
		"names that nobody has, others each time": {func(s *subscription, round int) error {
			if round > 0 {
				s.unsubscribe(listed(some(1000 * round)...))
			}
			return s.subscribe(listed(some(1000*(1+round))...), nil)
		}, names},
		"names given back that nobody has": {func(s *subscription, round int) error {
			s.everything(map[string]string{})
			s.all = false
			s.unsubscribe(listed(some(1000 * (1 + round))...))
			return nil
		}, 0},
		"names given back that are wanted still": {func(s *subscription, _ int) error {
			s.everything(map[string]string{})
			s.all = false
			s.unsubscribe(listed(some(0)...))
			return nil
		}, names},
		"clusters acknowledged, assignments not": {func(s *subscription, _ int) error {
			if err := s.subscribe(listed(some(0)...), nil); err != nil {
				return err
			}
			for range 40 {
				s.bring(s.table.live)
			}
			return nil
		}, names},
	} {
		t.Run(what, func(t *testing.T) {
			st := newStore(own)
			var whole translate.Batch
			for i := range 500 {
				whole.Set = append(whole.Set, assignment(name(i), 1))
			}
			st.publish(whole, time.Now())
			s := &subscription{table: st.table(eds), slot: st.attach(func() {}), flight: make([]delivery, maxFlight)}
			s.seq = s.table.seq
			for round := range rounds {
				if err := c.ask(s, round); err != nil {
					t.Fatal(err)
				}
				if most := 2*(500+names) + 1024 + names; len(s.owed) > most {
					t.Fatalf("%d are owed after %d requests", len(s.owed), round)
				}
			}
			entries, _, err := s.due(nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(entries) != c.owes {
				t.Errorf("%d were owed in the end, want %d", len(entries), c.owes)
			}
		})
	}
}
