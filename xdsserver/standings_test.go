package xdsserver

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/internal/xdstest"
	"legate/translate"
)

// standsAt are the standings of a node in short: type, name, version, state, what is sent instead and why.
func (s *stage) standsAt(node, part string) (rows []string) {
	synctest.Wait()
	word := map[string]string{cds: "cluster", eds: "endpoints"}
	for _, is := range s.Standings(StandingsQuery{Node: node, Part: part, Page: 1, Limit: 100}).Rows {
		rows = append(rows, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s %s %s", word[is.Type], is.Name, is.Version, is.State, is.Instead, is.Why)), " "))
	}
	return rows
}

func (s *stage) stand(node, part string, want ...string) {
	s.t.Helper()
	if got := s.standsAt(node, part); !slices.Equal(got, want) {
		s.t.Errorf("%s %q: %q, want %q", node, part, got, want)
	}
}

func TestANodeIsToldWhatItWouldGetNow(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("web", 1), service("db", 1)...)...)
		good, odd, slow := open("good"), open("odd"), open("slow")
		for _, c := range []*xdstest.Client{good, odd, slow} {
			c.Want(eds, "web", "db", "ghost")
			c.Accept(eds, "web@1", "db@1", "ghost@empty")
		}
		s.stand("good", "", "endpoints db v1 SYNCED", "endpoints ghost SYNCED", "endpoints web v1 SYNCED")
		time.Sleep(time.Hour)
		s.set(assignment("web", 2))
		changed := time.Now()
		good.Accept(eds, "web@2")
		odd.Nack(odd.Expect(eds, "web@2"), "weights are bad")
		odd.Accept(eds, "web@1")
		answer := slow.Expect(eds, "web@2")
		synctest.Wait()
		time.Sleep(time.Minute)
		s.stand("good", "", "endpoints db v1 SYNCED", "endpoints ghost SYNCED", "endpoints web v2 SYNCED")
		s.stand("odd", "", "endpoints web v2 NACKED v1 weights are bad", "endpoints db v1 SYNCED", "endpoints ghost SYNCED")
		s.stand("slow", "", "endpoints web v2 STALE", "endpoints db v1 SYNCED", "endpoints ghost SYNCED")
		s.stand("slow", "WE", "endpoints web v2 STALE")
		s.stand("nobody", "")
		if got := s.Standings(StandingsQuery{Node: "slow", Page: 1, Limit: 1}); !got.Rows[0].Since.Equal(changed) || !got.Rows[0].Changed.Equal(changed) ||
			got.Rows[0].View == "" || got.Total != 3 || got.States[Stale] != 1 || got.States[Synced] != 2 || len(got.Rows) != 1 {
			t.Errorf("%+v", got)
		}
		if got := s.Standings(StandingsQuery{Node: "slow", Page: 9, Limit: 2}); len(got.Rows) != 1 || got.Rows[0].Name != "ghost" {
			t.Errorf("beyond the last page: %+v", got)
		}
		slow.Ack(answer)
		s.stand("slow", "w", "endpoints web v2 SYNCED")
	})
}

// Who asks for all clusters would get each of the view, and what is gone is not among them once that is acknowledged.
func TestAllClustersOfTheViewAreWhatAWildcardGets(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set(cluster("web", 1), cluster("db", 1))
		c := open("all")
		c.Want(cds)
		r := c.Expect(cds, "db@1", "web@1")
		s.stand("all", "", "cluster db v1 STALE", "cluster web v1 STALE")
		c.Ack(r)
		s.stand("all", "", "cluster db v1 SYNCED", "cluster web v1 SYNCED")
		s.gone(translate.Name{Type: cds, Name: "web"})
		r = c.Read()
		s.stand("all", "", "cluster web STALE", "cluster db v1 SYNCED")
		c.Ack(r)
		s.stand("all", "", "cluster db v1 SYNCED")
	})
}

// manyClusters is a stage with so many clusters, and so many clients of one id that have all of them.
func manyClusters(t testing.TB, names, clients int) *stage {
	t.Helper()
	s := newStage(t)
	resources := make([]translate.Resource, 0, names)
	for n := range names {
		resources = append(resources, cluster(fmt.Sprintf("service-%05d", n), 1))
	}
	s.set(resources...)
	for range clients {
		c := xdstest.Open(t, s.conn, xdstest.Delta, "edge")
		c.Want(cds)
		c.Ack(c.Read())
	}
	return s
}

// An id that many clients share costs no more than some of them, however little each asks for.
func TestStandingsAreBounded(t *testing.T) {
	t.Parallel()
	const names, some = 10_000, mostLooks / 10_000
	s := manyClusters(t, names, some+1)
	c := incremental(t, s, "edge")
	c.Want(cds, "service-00001")
	c.Read()
	got := s.Standings(StandingsQuery{Node: "edge", Part: "SERVICE", Page: some * names / 100, Limit: 100})
	if got.LeftOut != 2 || got.Total != mostLooks || len(got.Rows) != 100 || got.Rows[99].Name != "service-09999" {
		t.Fatalf("%d streams left out, %d in all, %d rows", got.LeftOut, got.Total, len(got.Rows))
	}
}

func BenchmarkStandingsOf10000(b *testing.B) {
	s := manyClusters(b, 10_000, 1)
	for b.Loop() {
		if got := s.Standings(StandingsQuery{Node: "edge", Page: 50, Limit: 100}); got.Total != 10_000 {
			b.Fatal(got.Total)
		}
	}
}
