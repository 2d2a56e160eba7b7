package xdsserver

import (
	"testing"
	"testing/synctest"

	"legate/internal/xdstest"
	"legate/translate"
)

// reached checks how many streams ask for a cluster or its endpoints, and how many have both as they are now.
func (s *stage) reached(name string, streams, have int) {
	s.t.Helper()
	synctest.Wait()
	if got := s.Reach()[name]; got != (Reach{streams, have}) {
		s.t.Errorf("%s: %+v, want %d streams of which %d have it", name, got, streams, have)
	}
}

func TestAServiceKnowsHowManyHaveIt(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("a", 1), service("b", 1)...)...)
		s.reached("a", 0, 0)
		good, slow, bad, other := open("good"), open("slow"), open("bad"), open("other")
		for _, c := range []*xdstest.Client{good, slow, bad} {
			c.Want(cds)
			r := c.Expect(cds, "a@1", "b@1")
			if c == good {
				s.reached("a", 1, 0) // all at once, and not answered
			}
			c.Ack(r)
			c.Want(eds, "a", "b")
			c.Accept(eds, "a@1", "b@1")
		}
		other.Want(eds, "b")
		r := other.Expect(eds, "b@1")
		s.reached("a", 3, 3)
		s.reached("b", 4, 3)
		other.Ack(r)
		s.reached("b", 4, 4)

		s.set(assignment("a", 2))
		answers := map[*xdstest.Client]*xdstest.Response{}
		for _, c := range []*xdstest.Client{good, slow, bad} {
			answers[c] = c.Expect(eds, "a@2")
		}
		s.reached("a", 3, 0)
		s.reached("b", 4, 4)
		good.Ack(answers[good])
		bad.Nack(answers[bad], "a is bad")
		bad.Accept(eds, "a@1") // in its place
		s.reached("a", 3, 1)
		slow.Ack(answers[slow])
		s.reached("a", 3, 2)

		s.set(cluster("a", 2)) // with its endpoints again
		r = good.Read()
		s.reached("a", 3, 0)
		s.reached("b", 4, 4)
		good.Ack(r)
		s.reached("a", 3, 0)
		good.Accept(eds, "a@2")
		s.reached("a", 3, 1)
		bad.Close()
		s.reached("a", 2, 1)
		s.gone(translate.Name{Type: cds, Name: "a"})
		synctest.Wait()
		if _, is := s.Reach()["a"]; is {
			t.Error("a cluster that is gone is there")
		}
		s.reached("b", 3, 3)
	})
}

// BenchmarkReach asks who has what while a tenth of a thousand streams has something of ten thousand that is not answered.
func BenchmarkReach(b *testing.B) {
	s := bubbled(b)
	st := newStore(own)
	var whole translate.Batch
	for i := range benchServices {
		whole.Set = append(whole.Set, service(benchName(i), 1)...)
	}
	s.stores[own] = st
	st.publish(whole, s.callbacks.left)
	for n := range benchStreams {
		ss := &session{store: st, slot: st.attach(func() {})}
		for i, t := range st.tables {
			sub := &subscription{table: t, slot: ss.slot}
			sub.seq, sub.began = t.seq, t.seq
			sub.everything(nil)
			sub.all = false
			if n%10 == 0 && i < 2 {
				sub.flight = []delivery{{entries: t.live[n : n+10], seq: t.seq}}
			}
			ss.subs = append(ss.subs, sub)
		}
		s.callbacks.streams[deltaStream(int64(n))] = &streamRecord{store: st, slot: ss.slot, session: ss}
	}
	for b.Loop() {
		if got := s.Reach()[benchName(5)]; got != (Reach{benchStreams, benchStreams - 1}) {
			b.Fatalf("%+v", got)
		}
	}
	clear(s.callbacks.streams)
}
