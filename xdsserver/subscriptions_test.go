package xdsserver

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"legate/internal/xdstest"
)

// A scrape sees the state that the page shows, and for how long a client has waited.
func TestAScrapeAsksHowFarTheClientsAre(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set(assignment("a", 1))
		c := open("edge")
		c.Want(eds, "a")
		is := func(state string, waits time.Duration) {
			t.Helper()
			synctest.Wait()
			all := s.subscriptions()
			if len(all) != 1 || all[0].Node != "edge" || all[0].Type != eds || all[0].State != state || all[0].Waits != waits {
				t.Errorf("%+v, want edge to be %s for %v", all, state, waits)
			}
		}
		first := c.Expect(eds, "a@1")
		time.Sleep(7 * time.Second)
		is("stale", 7*time.Second)
		c.Ack(first)
		is("synced", 0)
		time.Sleep(time.Hour)
		is("synced", 0)
		s.set(assignment("a", 2))
		c.Nack(c.Expect(eds, "a@2"), "no")
		synctest.Wait()
		time.Sleep(time.Minute)
		is("nacked", time.Minute)
	})
}

// BenchmarkSubscriptions is what a scrape costs more with a thousand streams.
func BenchmarkSubscriptions(b *testing.B) {
	s := bubbled(b, func(c *Config) {
		c.Limits.NewStreams, c.Limits.NewStreamsBurst = 1e9, 1e9
		c.Limits.Streams, c.Limits.StreamsPerAddress = 2*benchStreams, 2*benchStreams
	})
	s.set(service("web", 1)...)
	for n := range benchStreams {
		c := s.tube(xdstest.Delta, fmt.Sprint("edge-", n))
		c.Want(eds, "web")
		c.Accept(eds, "web@1")
	}
	b.ReportAllocs()
	for b.Loop() {
		if n := len(s.subscriptions()); n != benchStreams {
			b.Fatal(n)
		}
	}
}
