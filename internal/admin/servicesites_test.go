package admin

import (
	"fmt"
	"strings"
	"testing"

	"legate/discovery/catalog"
	"legate/translate"
	"legate/translate/policy"
)

// spread is a house that serves web with so many healthy instances of so many in dc1, dc2 and by a peer. Where there are
// none, it is not registered. The policy fails over to dc2 and then to the peer.
func spread(t *testing.T, when string, of ...[2]int) *house {
	t.Helper()
	h := federated()
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte("defaults: {failover: [dc2, cluster01.peer], failover_when: " + when + "}")}})
	if err != nil {
		t.Fatal(err)
	}
	config := translate.DefaultConfig()
	config.Datacenter, config.Remote = "dc1", true
	h.state.Resources, _ = translate.New(config).With(p)
	sites := []catalog.Site{{Datacenter: "dc1"}, {Datacenter: "dc2"}, {Datacenter: "dc1", Peer: "cluster01"}}
	var all catalog.Delta
	for n, at := range sites {
		s := catalog.Service{Key: at.Service("web")}
		for i := range of[n][1] {
			one := catalog.Instance{ID: fmt.Sprint("web-", i), Node: "n1", Address: fmt.Sprintf("10.0.%d.%d", n, i+1), Port: 80, Weights: catalog.Weights{Passing: 1, Warning: 1}}
			if i >= of[n][0] {
				one.Health, one.Checks = catalog.Critical, []catalog.Check{{ID: "web:http", Status: "critical"}}
			}
			s.Instances = append(s.Instances, one)
		}
		if of[n][1] > 0 {
			all.Set = append(all.Set, s)
		}
	}
	h.state.Resources, _ = h.state.Resources.Apply(all)
	return h
}

func TestAServiceSaysWhereItsTrafficGoesAndWhy(t *testing.T) {
	for _, c := range []struct {
		when   string
		of     [3][2]int
		shares string
		says   string
		mood   string
	}{
		{"empty", [3][2]int{{3, 3}, {2, 2}, {1, 1}}, "[100 0 0]", "Traffic goes to dc1, where 3 of 3 instances are healthy; 3 instances elsewhere in reserve", "good"},
		{"empty", [3][2]int{{1, 3}, {2, 2}, {1, 1}}, "[100 0 0]", "Traffic goes to dc1, where 1 of 3 instances are healthy; 3 instances elsewhere in reserve", "warn"},
		{"empty", [3][2]int{{0, 3}, {2, 2}, {1, 1}}, "[0 100 0]", "Traffic goes to dc2: none of 3 instances in dc1 is healthy; 1 instance elsewhere in reserve", "warn"},
		{"empty", [3][2]int{{0, 3}, {0, 2}, {1, 1}}, "[0 0 100]", "Traffic goes to cluster01.peer: none of 3 instances in dc1 is healthy", "warn"},
		{"degraded", [3][2]int{{1, 2}, {2, 2}, {0, 0}}, "[70 30]", "Traffic goes to dc1 (70 %) and dc2 (30 %): only 1 of 2 instances in dc1 are healthy", "warn"},
		{"empty", [3][2]int{{0, 0}, {2, 2}, {1, 1}}, "[100 0]", "Traffic goes to dc2: it is not registered in the own datacenter; 1 instance elsewhere in reserve", "warn"}, // dc2 is stale
		{"empty", [3][2]int{{0, 3}, {0, 2}, {0, 0}}, "[0 0]", "None of 5 instances takes traffic", "bad"},
		{"empty", [3][2]int{{3, 3}, {0, 0}, {0, 0}}, "[]", "All 3 instances take traffic", "good"},
	} {
		h := spread(t, c.when, c.of[:]...)
		s := h.service(t, "/api/v1/services/web")
		shares := []int{}
		for _, one := range s.Sites {
			shares = append(shares, one.Share)
			if one.Says == "" || one.Stale != (one.Site == "dc2") {
				t.Errorf("%+v: %+v", c, one)
			}
		}
		mood, says := s.Traffic()
		if fmt.Sprint(shares) != c.shares || says != c.says || mood != c.mood {
			t.Errorf("%+v: %v, %s, %q", c, shares, mood, says)
		}
		if page := h.get(t, "/services/web").Body.String(); !strings.Contains(page, c.says) || strings.Contains(page, "<h2>Where</h2>") != (len(shares) > 0) {
			t.Errorf("%+v: the page says something else:\n%s", c, page)
		}
	}
}

func TestAServiceElsewhereIsListedAndExplainedByItsName(t *testing.T) {
	h := spread(t, "empty", [2]int{3, 3}, [2]int{2, 2}, [2]int{1, 1})
	page := unlinked(h.get(t, "/services").Body.String())
	for _, name := range []string{"web", "web.dc2", "web.cluster01.peer"} {
		if !strings.Contains(page, ">"+name+"<") {
			t.Errorf("%s is not listed:\n%s", name, page)
		}
	}
	s := h.service(t, "/api/v1/services/web.dc2")
	if mood, says := s.Traffic(); s.Total != 2 || mood != "warn" || says != "2 of 2 instances in dc2 take traffic" || s.ProblemCount != 1 || s.Instances[0].Site != "dc2" {
		t.Errorf("%s, %q, %+v", mood, says, s)
	}
	if own := h.service(t, "/api/v1/services/web"); own.ProblemCount != 0 || own.Instances[0].Site != "" || own.Instances[0].State != Serving || own.Instances[5].State != Reserve {
		t.Errorf("web: %+v", own)
	}
}
