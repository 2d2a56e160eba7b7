package xdsserver

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"legate/internal/xdstest"
	"legate/metrics"
	"legate/translate"
)

func TestADigestCanBeTakenBackAndIsWholeInItsText(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	texts := map[string]bool{digest{}.String(): true}
	for range 1000 {
		a, b := digest{random.Uint64(), random.Uint64()}, digest{random.Uint64(), random.Uint64()}
		if sum := a.plus(b); sum != b.plus(a) || sum.minus(b) != a || sum.minus(a) != b || sum == a {
			t.Fatalf("%v and %v make %v", a, b, sum)
		}
		for _, d := range []digest{a, {a.hi, b.lo}, {b.hi, a.lo}} {
			if texts[d.String()] {
				t.Fatalf("%v has the text of another", d)
			}
			texts[d.String()] = true
		}
	}
}

// Most names that are asked for are there: nothing is made for these.
func TestWhatStandsForNoneIsMadeWhereItIsNeededAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bubbled(t)
		s.set(service("web", 1)...)
		table := s.stores[own].table(eds)
		var made *resource
		for range 2 {
			c := s.tube(xdstest.Delta, "edge")
			c.Want(eds, "web", "ghost")
			c.Accept(eds, "web@1", "ghost@empty")
			if got := table.entries["web"].empty; got != nil {
				t.Errorf("made for what is there: %v", got)
			}
			if got := table.entries["ghost"].empty; made != nil && got != made {
				t.Error("made twice")
			} else {
				made = got
			}
		}
	})
}

// Of the changes that a response delivers, the oldest counts. What is sent because it was asked for is no
// change, and one that takes several responses is there with the last.
func TestHowLongAChangeTookIsMeasuredFromTheOldestOfWhatIsDelivered(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		m := s.counted()
		publish := func(ago time.Duration, all ...translate.Resource) {
			s.Publish(own, translate.Batch{Set: all, Since: time.Now().Add(-ago)})
		}
		took := took(t, m)
		s.set(append(service("a", 1), service("b", 1)...)...)
		time.Sleep(time.Hour)
		c := open("edge")
		c.Want(eds, "a", "b", "c")
		c.Accept(eds, "a@1", "b@1", "c@empty")
		s.Publish(own, translate.Batch{Set: []translate.Resource{assignment("a", 2)}}) // it is not known since when
		c.Accept(eds, "a@2")
		took(none, none)

		publish(3*time.Second, assignment("a", 3))
		r := c.Expect(eds, "a@3")
		took(seconds(3), none)
		time.Sleep(2 * time.Second)
		c.Ack(r)
		synctest.Wait()
		took(none, seconds(5))

		for range maxFlight { // until it gets nothing more
			publish(0, assignment("a", 4))
			r = c.Read()
		}
		took(make([]time.Duration, maxFlight), none)
		for _, ago := range []time.Duration{3, 7, 5} {
			publish(ago*time.Second, assignment("b", int(ago)), assignment("a", int(ago)))
		}
		publish(time.Second, assignment("c", 1))
		took(none, none)
		c.Ack(r)
		c.Expect(eds, "a@5", "b@5", "c@1")
		took(seconds(5), seconds(0))
	}, func(c *Config) { c.MaxResponseBytes = 5000 })
}

func TestAChangeThatTakesSeveralResponsesIsThereWithTheLast(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		m := s.counted()
		took := took(t, m)
		s.fat(4, 0, 10)
		names := s.fat(4, 1, 3000)
		c := open("edge")
		c.Want(eds, names...)
		for range names {
			c.Ack(c.Read())
		}
		time.Sleep(time.Hour)
		s.fat(4, 2, 3000)
		for range names[1:] {
			c.Read()
		}
		time.Sleep(time.Second)
		r := c.Read()
		took(seconds(0), none)
		time.Sleep(time.Second)
		c.Ack(r)
		synctest.Wait()
		took(none, seconds(2))
	}, func(c *Config) { c.MaxResponseBytes = 5000 })
}

var none = []time.Duration{}

func seconds(n time.Duration) []time.Duration { return []time.Duration{n * time.Second} }

// took returns what requires that just so many more changes were measured at each stage, and that they took
// so long.
func took(t *testing.T, m *metrics.Metrics) func(sent, ack []time.Duration) {
	count, sum := map[string]uint64{}, map[string]float64{}
	return func(sent, ack []time.Duration) {
		t.Helper()
		synctest.Wait() // a client has a response before it is counted
		families, err := m.Gather()
		if err != nil {
			t.Fatal(err)
		}
		want := map[string][]time.Duration{"answer_to_sent": sent, "answer_to_ack": ack}
		for _, f := range families {
			if f.GetName() != "legate_propagation_seconds" {
				continue
			}
			for _, series := range f.GetMetric() {
				labels := map[string]string{}
				for _, l := range series.GetLabel() {
					labels[l.GetName()] = l.GetValue()
				}
				stage, h := labels["stage"], series.GetHistogram()
				if labels["type"] != "eds" || want[stage] == nil {
					continue
				}
				var all time.Duration
				for _, d := range want[stage] {
					all += d
				}
				got := time.Duration((h.GetSampleSum() - sum[stage]) * float64(time.Second)).Round(time.Millisecond)
				if n := h.GetSampleCount() - count[stage]; n != uint64(len(want[stage])) || got != all {
					t.Errorf("%s: %d changes took %v, want %v", stage, n, got, want[stage])
				}
				count[stage], sum[stage] = h.GetSampleCount(), h.GetSampleSum()
				delete(want, stage)
			}
		}
		if len(want) > 0 {
			t.Errorf("there is no measure of %v", want)
		}
	}
}
