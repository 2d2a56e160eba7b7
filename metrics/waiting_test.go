package metrics

import (
	"fmt"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"legate/translate"
)

// gathered returns the series of a metric, by the values of some labels.
func gathered(t *testing.T, m *Metrics, metric string, labels ...string) map[string]*dto.Metric {
	t.Helper()
	families, err := m.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*dto.Metric{}
	for _, f := range families {
		if f.GetName() != metric {
			continue
		}
		for _, one := range f.GetMetric() {
			key := ""
			for _, want := range labels {
				for _, l := range one.GetLabel() {
					if l.GetName() == want {
						key += l.GetValue() + " "
					}
				}
			}
			all[key] = one
		}
	}
	return all
}

func TestSubscriptionsAreCountedByState(t *testing.T) {
	m := New(BuildInfo{})
	m.XDS.Serves(translate.ClusterType, translate.AssignmentType)
	a, b := m.XDS.Opened("delta-1", "delta"), m.XDS.Opened("sotw-1", "sotw")
	a.Named("edge")
	b.Named("edge-2")
	m.XDS.Subscriptions(func() []Subscription {
		return []Subscription{
			{a, "edge", translate.ClusterType, "synced", 0},
			{a, "edge", translate.AssignmentType, "nacked", time.Minute},
			{b, "edge-2", translate.AssignmentType, "stale", time.Second},
		}
	})
	states := gathered(t, m, "legate_xds_subscriptions", "type", "state")
	for key, want := range map[string]float64{"cds synced ": 1, "cds nacked ": 0, "eds nacked ": 1, "eds stale ": 1, "eds not_sent ": 0, "eds synced ": 0} {
		if s := states[key]; s == nil || s.GetGauge().GetValue() != want {
			t.Errorf("%s: %v, want %v", key, s, want)
		}
	}
	waits := gathered(t, m, "legate_xds_stream_waiting_seconds", "node", "type", "state")
	for key, want := range map[string]float64{"edge cds synced ": 0, "edge eds nacked ": 60, "edge-2 eds stale ": 1} {
		if s := waits[key]; s == nil || s.GetGauge().GetValue() != want {
			t.Errorf("%s: %v, want %v", key, s, want)
		}
	}
}

// Of a fleet that is larger than what has series of its own, those are seen that wait longest, and their number is bounded.
func TestOfManyStreamsThoseAreSeenThatWaitLongest(t *testing.T) {
	m := New(BuildInfo{})
	m.XDS.Serves(translate.AssignmentType)
	var all []Subscription
	for i := range maxStreams + 3*maxWaiting {
		node := fmt.Sprint("node-", i)
		s := m.XDS.Opened(fmt.Sprint("delta-", i), "delta")
		s.Named(node)
		waits := time.Duration(i) * time.Second
		if i%2 == 0 {
			waits = longWaiting
		}
		all = append(all, Subscription{s, node, translate.AssignmentType, "stale", waits})
	}
	m.XDS.Subscriptions(func() []Subscription { return all })
	seen := gathered(t, m, "legate_xds_stream_waiting_seconds", "node")
	if len(seen) != maxStreams+maxWaiting {
		t.Errorf("%d series, want %d", len(seen), maxStreams+maxWaiting)
	}
	last := maxStreams + 3*maxWaiting - 1
	for i, want := range map[int]bool{0: true, last: true, last - 2*maxWaiting + 2: true, last - 2*maxWaiting: false, last - 1: false} {
		if _, is := seen[fmt.Sprint("node-", i, " ")]; is != want {
			t.Errorf("node-%d is seen: %v, want %v", i, is, want)
		}
	}
}

// Types that have no label of their own do not become the same series twice.
func TestUnknownTypesOfAStreamShareASeries(t *testing.T) {
	m := New(BuildInfo{})
	s := m.XDS.Opened("delta-1", "delta")
	m.XDS.Subscriptions(func() []Subscription {
		return []Subscription{{s, "", "x.A", "synced", 0}, {s, "", "x.B", "stale", time.Minute}}
	})
	if got := gathered(t, m, "legate_xds_stream_waiting_seconds", "type", "state"); len(got) != 1 || got["other stale "] == nil {
		t.Errorf("%v", got)
	}
}
