package metrics

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

const services, answers = "legate_catalog_services", "legate_consul_last_success_timestamp_seconds"

// exports fails unless the page has each of the lines once, and without any that begins with an absent one.
func exports(t *testing.T, m *Metrics, lines []string, absent ...string) {
	t.Helper()
	page := "\n" + scrape(t, m)
	for _, line := range lines {
		if n := strings.Count(page, "\n"+line+"\n"); n != 1 {
			name, _, _ := strings.Cut(line, "{")
			t.Errorf("%d times %s in\n%s", n, line, only(page, name))
		}
	}
	for _, what := range absent {
		if strings.Contains(page, what) {
			t.Errorf("%s is there:\n%s", what, only(page, what))
		}
	}
}

// The own datacenter's name is learned from its agent, and until then there are failed queries to count.
func TestTheOwnDatacentersSeriesGetItsNameOnceItIsKnown(t *testing.T) {
	m := New(BuildInfo{})
	m.Consul.Query("unreachable", time.Second)
	exports(t, m, []string{
		`legate_consul_queries_total{datacenter="",outcome="unreachable",peer=""} 1`,
		`legate_consul_query_duration_seconds_count{datacenter="",outcome="unreachable",peer=""} 1`,
		answers + `{datacenter="",peer=""} 0`,
	}, "legate_consul_datacenter_info{")
	m.Consul.Datacenter("dc1")
	m.Consul.Query("unreachable", time.Second)
	exports(t, m, []string{
		`legate_consul_queries_total{datacenter="dc1",outcome="unreachable",peer=""} 2`,
		`legate_consul_query_duration_seconds_count{datacenter="dc1",outcome="unreachable",peer=""} 2`,
		`legate_consul_datacenter_info{datacenter="dc1"} 1`,
	}, `datacenter=""`)
}

func TestEachSiteIsCountedByItself(t *testing.T) {
	m := New(BuildInfo{})
	m.Consul.Datacenter("dc1")
	m.Consul.Catalog(3, nil)
	m.Consul.Watches(3, 0, 100)
	dc2, peer := m.Consul.At("dc2", ""), m.Consul.At("dc1", "cluster01")
	dc2.Catalog(7, map[string]int{"passing": 8})
	dc2.Fresh(time.Unix(1234, 0))
	dc2.Watches(7, 1, 5)
	dc2.Holds(map[string]int{"emptied": 1}, map[string]int{"emptied": 4})
	peer.Query("timeout", time.Second)
	peer.Datacenter("elsewhere") // a peer's agent has a name, too
	if m.Consul.At("dc2", "") != dc2 || dc2.At("dc1", "cluster01") != peer || dc2.At("dc1", "") != m.Consul {
		t.Error("the same site is another one when it is asked for again")
	}
	exports(t, m, []string{
		services + `{datacenter="dc1",peer=""} 3`,
		services + `{datacenter="dc2",peer=""} 7`,
		services + `{datacenter="dc1",peer="cluster01"} 0`,
		`legate_catalog_instances{datacenter="dc2",health="passing",peer=""} 8`,
		answers + `{datacenter="dc2",peer=""} 1234`,
		answers + `{datacenter="dc1",peer=""} 0`,
		`legate_consul_watches{datacenter="dc2",mode="swept",peer=""} 1`,
		`legate_holds{datacenter="dc2",peer="",reason="emptied"} 1`,
		`legate_holds_instances{datacenter="dc2",peer="",reason="emptied"} 4`,
		`legate_consul_queries_total{datacenter="dc1",outcome="timeout",peer="cluster01"} 1`,
		`legate_consul_queries_total{datacenter="dc1",outcome="timeout",peer=""} 0`,
		`legate_consul_connections_limit 100`,
		`legate_consul_datacenter_info{datacenter="dc1"} 1`,
	}, "elsewhere")
}

func TestTheSeriesOfASiteLeaveWithItAndBeginAnewWhenItReturns(t *testing.T) {
	m := New(BuildInfo{})
	m.Consul.Datacenter("dc1")
	dc2 := m.Consul.At("dc2", "")
	dc2.Query("changed", time.Second)
	dc2.Gone()
	dc2.Query("changed", time.Second) // a query that was under way
	dc2.Gone()
	exports(t, m, nil, "dc2")
	again := m.Consul.At("dc2", "")
	again.Query("changed", time.Second)
	dc2.Gone()
	exports(t, m, []string{`legate_consul_queries_total{datacenter="dc2",outcome="changed",peer=""} 1`})
	m.Consul.Gone()
	exports(t, m, []string{services + `{datacenter="dc1",peer=""} 0`})
}

// Else there would be two with the same labels, and the scrape had neither.
func TestTheOwnDatacenterTakesItsNameFromAnother(t *testing.T) {
	m := New(BuildInfo{})
	other := m.Consul.At("dc1", "")
	other.Catalog(9, nil)
	m.Consul.Catalog(3, nil)
	m.Consul.Datacenter("dc1")
	exports(t, m, []string{services + `{datacenter="dc1",peer=""} 3`})
	if m.Consul.At("dc1", "") != m.Consul {
		t.Error("the other one is still there")
	}
}

func TestBeyondTheLimitSitesShareSeries(t *testing.T) {
	m := New(BuildInfo{})
	m.Consul.Datacenter("dc0")
	var all []*Consul
	for i := 1; i < maxSites+3; i++ {
		c := m.Consul.At(fmt.Sprint("dc", i), "")
		c.Query("changed", time.Second)
		c.Catalog(i, nil)
		c.Fresh(time.Unix(int64(10_000-i), 0))
		c.Index("services", uint64(i))
		all = append(all, c)
	}
	const changed = `legate_consul_queries_total{datacenter="_overflow",outcome="changed",peer="_overflow"}`
	const shared = services + `{datacenter="_overflow",peer="_overflow"}`
	if n := strings.Count(scrape(t, m), "\n"+services+"{"); n != maxSites+1 {
		t.Errorf("%d sites have series, want %d and those that are shared", n, maxSites)
	}
	exports(t, m, []string{
		services + `{datacenter="dc49",peer=""} 49`,
		changed + " 3", shared + " 153",
		answers + `{datacenter="_overflow",peer="_overflow"} 9948`,
	}, "dc50", "dc51", "dc52")

	last := all[len(all)-1]
	last.Gone()
	last.Catalog(1000, nil) // what it still hears does not count
	exports(t, m, []string{changed + " 3", shared + " 101", answers + `{datacenter="_overflow",peer="_overflow"} 9949`})

	all[0].Gone() // its place is for the next that comes; those that share stay, or counters would go back
	m.Consul.At("next", "").Catalog(5, nil)
	exports(t, m, []string{shared + " 101", services + `{datacenter="next",peer=""} 5`})

	for _, c := range all {
		c.Gone()
	}
	exports(t, m, nil, overflow)
}

func TestASiteWithANameThatIsNoLabelHasOne(t *testing.T) {
	m := New(BuildInfo{})
	m.Consul.Datacenter("dc1")
	m.Consul.At("bad\xff", "").Catalog(1, nil)
	m.Consul.At(overflow, overflow).Catalog(2, nil)
	exports(t, m, []string{
		services + `{datacenter="bad_",peer=""} 1`,
		services + `{datacenter="_overflow",peer="_overflow"} 2`,
	})
}

func TestSitesComeAndGoWhileTheyAreCountedAndScraped(t *testing.T) {
	m := New(BuildInfo{})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 50 {
				c := m.Consul.At("dc1", fmt.Sprint("peer", i))
				c.Query("changed", time.Second)
				c.Fresh(time.Now())
				c.Index("catalog", uint64(n))
				c.Catalog(n, nil)
				c.Gone()
			}
		})
	}
	all.Go(func() { m.Consul.Datacenter("dc1") })
	for range 20 {
		scrape(t, m)
	}
	all.Wait()
	exports(t, m, []string{services + `{datacenter="dc1",peer=""} 0`}, "peer0")
}

func TestASiteThatIsNotListedIsAHold(t *testing.T) {
	m := New(BuildInfo{})
	dc2 := m.Consul.At("dc2", "")
	dc2.Holds(map[string]int{"emptied": 1}, nil)
	dc2.SiteHeld(true)
	dc2.Holds(nil, nil) // says nothing of the site
	exports(t, m, []string{`legate_holds{datacenter="dc2",peer="",reason="site"} 1`})
	dc2.SiteHeld(false)
	exports(t, m, []string{`legate_holds{datacenter="dc2",peer="",reason="site"} 0`})
}
