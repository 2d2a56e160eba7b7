package xdsserver

import (
	"fmt"
	"testing"
	"time"

	"legate/metrics"
)

func TestAStandingRejectionIsCountedUntilItIsRepairedOrItsStreamEnds(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		m := s.counted()

		s.set(append(service("a", 1), service("b", 1)...)...)
		c := open("edge-1")
		c.Want(eds, "a", "b")
		c.Nack(c.Expect(eds, "a@1", "b@1"), "a is bad")
		c.Nack(c.Expect(eds, "a@1"), "a is bad")
		c.Accept(eds, "b@1")
		rejecting(t, m, 1)

		s.set(assignment("a", 2))
		c.Accept(eds, "a@2")
		rejecting(t, m, 0)

		s.set(assignment("a", 3))
		c.Nack(c.Expect(eds, "a@3"), "worse than before")
		c.Accept(eds, "a@2")
		rejecting(t, m, 1)
		c.Close()
		rejecting(t, m, 0)
	})
}

func TestWhatAClientTakesAfterAllIsHeldBackNoMore(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		m := s.counted()

		s.set(service("a", 1)...)
		c := open("edge-1")
		c.Want(cds)
		c.Accept(cds, "a@1")
		c.Want(eds, "a")
		c.Nack(c.Expect(eds, "a@1"), "does not go with its cluster")
		rejecting(t, m, 1)

		s.set(cluster("a", 2)) // which brings the assignment along
		c.Accept(cds, "a@2")
		c.Accept(eds, "a@1")
		rejecting(t, m, 0)
	})
}

// rejecting waits for the number of streams that hold back assignments.
func rejecting(t *testing.T, m *metrics.Metrics, want float64) {
	t.Helper()
	got := ""
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		families, err := m.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() != "legate_xds_streams_rejecting" {
				continue
			}
			for _, series := range f.GetMetric() {
				if series.GetLabel()[0].GetValue() != "eds" {
					continue
				}
				if series.GetGauge().GetValue() == want {
					return
				}
				got = fmt.Sprint(series.GetGauge().GetValue())
			}
		}
	}
	t.Fatalf("%s streams hold back assignments, want %v", got, want)
}
