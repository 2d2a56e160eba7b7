package xdsserver

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"legate/metrics"
	"legate/translate"
)

func TestNamesAskedForInVainAreListedAndCounted(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		m := s.counted()
		s.set(service("web", 1)...)
		s.inVain(m, eds, 0)

		c := open("edge")
		c.Want(eds, "web", "wbe", "xdstp://authority/envoy.config.endpoint.v3.ClusterLoadAssignment/web")
		c.Ack(c.Read())
		s.inVain(m, eds, 2, "wbe: Consul has no service of this name", "xdstp://authority/envoy.config.endpoint.v3.ClusterLoadAssignment/web: names that begin with xdstp:")
		second := open("other")
		second.Want(eds, "wbe", "")
		second.Ack(second.Read())
		s.inVain(m, eds, 3)
		second.Want(cds, "ghost")
		s.inVain(m, cds, 1)

		s.set(service("wbe", 1)...) // it comes
		c.Accept(eds, "wbe@1")
		s.inVain(m, eds, 2)
		s.gone(translate.Name{Type: eds, Name: "web"}) // and another goes
		c.Accept(eds, "web@empty")
		s.inVain(m, eds, 3)
		c.Want(eds, "wbe")
		s.inVain(m, eds, 1)
		second.Close()
		s.inVain(m, eds, 0)
		s.inVain(m, cds, 0)
	})
}

func TestOnlyTheFirstOfManyNamesInVainAreListed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set()
	var names []string
	for i := range 300 {
		names = append(names, fmt.Sprintf("ghost-%03d", i))
	}
	c := stateOfTheWorld(t, s, "edge")
	c.Want(eds, names...)
	c.Ack(c.Read())
	got := s.typeStatus(eds, Synced)
	if got.InVainCount != len(names) || len(got.InVain) != fewNames || got.InVain[0].Name != names[0] {
		t.Errorf("%+v", got)
	}
}

// inVain waits for the number of names of a type that are asked for in vain, and for what the
// first stream says of its own.
func (s *stage) inVain(m *metrics.Metrics, typeURL string, want float64, first ...string) {
	s.t.Helper()
	label := map[string]string{cds: "cds", eds: "eds", sds: "sds"}[typeURL]
	var got string
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		n := gauge(s.t, m, "legate_xds_names_in_vain", label)
		got = fmt.Sprint(n)
		var said []string
		for _, st := range s.Streams()[:min(len(first), 1)] {
			for _, of := range st.Types {
				for _, missing := range of.InVain {
					said = append(said, missing.Name+": "+missing.Why)
				}
			}
		}
		fits := n == want && len(said) == len(first)
		for i := range said {
			fits = fits && strings.HasPrefix(said[i], first[i])
		}
		if fits {
			return
		}
		got += fmt.Sprint(" ", said)
	}
	s.t.Fatalf("in vain: %s, want %v %v", got, want, first)
}

// gauge is the value of a metric for a type.
func gauge(t testing.TB, m *metrics.Metrics, name, typ string) float64 {
	t.Helper()
	families, err := m.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, series := range f.GetMetric() {
			if f.GetName() == name && series.GetLabel()[0].GetValue() == typ {
				return series.GetGauge().GetValue()
			}
		}
	}
	return -1
}
