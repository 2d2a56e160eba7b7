package admin

import (
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"
	"testing"

	"legate/discovery/catalog"
	"legate/translate"
	"legate/translate/policy"
	"legate/xdsserver"
)

// zoned is a house that serves a service with instances in three zones, with a policy, to nodes that stand somewhere.
func zoned(t *testing.T, says string) *house {
	t.Helper()
	h := healthy()
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte(says)}})
	if err != nil {
		t.Fatal(err)
	}
	s := catalog.Service{Key: catalog.ServiceKey{Datacenter: "dc1", Name: "shop"}}
	for n, zone := range []string{"eu/a", "eu/b", "us/a"} {
		region, zone, _ := strings.Cut(zone, "/")
		s.Instances = append(s.Instances, catalog.Instance{ID: fmt.Sprint("shop-", n), Node: "n1", Address: fmt.Sprint("10.0.1.", n), Port: 80,
			Weights: catalog.Weights{Passing: 1, Warning: 1}, Locality: catalog.Locality{Region: region, Zone: zone}})
	}
	h.state.Resources, _ = h.state.Resources.With(p)
	h.with(s)
	h.streams = nil
	for _, node := range []string{"b/eu/b", "region/us/", "nowhere//"} {
		at := strings.Split(node, "/")
		one := stream(at[0], "SYNCED", "")
		one.Region, one.Zone = at[1], at[2]
		h.streams = append(h.streams, one)
	}
	return h
}

func TestAServiceIsSeenFromWhereANodeStands(t *testing.T) {
	for _, c := range []struct{ policy, node, want, says string }{
		{"defaults: {prefer: zone}", "", "[0 0 0]", ""},
		{"defaults: {prefer: zone}", "b", "[1 0 2]", "it stands in eu, zone b (locality in its bootstrap); prefer is zone"},
		{"defaults: {prefer: zone}", "region", "[1 1 0]", "says no zone"},
		{"defaults: {prefer: region}", "b", "[0 0 1]", "prefer is region"},
		{"defaults: {prefer: zone}", "nowhere", "[0 0 0]", "legate bootstrap envoy --region --zone"},
		{"defaults: {prefer: none}", "b", "[0 0 0]", "prefers nothing"},
	} {
		h := zoned(t, c.policy)
		path := "/services/shop"
		if c.node != "" {
			path += "?node=" + c.node
		}
		s := h.service(t, "/api/v1"+path)
		var got []uint32
		for _, i := range s.Instances {
			got = append(got, i.Endpoints[0].Priority)
		}
		says := ""
		if s.SeenFrom != nil {
			says = s.SeenFrom.Says
		}
		if fmt.Sprint(got) != c.want || !strings.Contains(says, c.says) || (s.SeenFrom == nil) != (c.node == "") {
			t.Errorf("%+v: %v, %q", c, got, says)
		}
		if page := unlinked(h.get(t, path).Body.String()); !strings.Contains(page, says) || strings.Contains(page, "With the priorities for") != (c.node != "") {
			t.Errorf("%+v: the page does not say %q", c, says)
		}
	}
}

// TestADumpIsAsANodeGetsIt that stands in a place, and the page of a node leads there.
func TestADumpIsAsANodeGetsIt(t *testing.T) {
	h := zoned(t, "defaults: {prefer: zone}")
	h.dump = map[xdsserver.View][]translate.Resource{dc1: slices.Collect(h.state.Resources.All())}
	for query, priorities := range map[string]int{"": 0, "&region=eu&zone=b": 2, "&region=us": 2, "&region=ap": 0} {
		w := h.get(t, "/debug/config_dump?name=shop"+query)
		if n := strings.Count(w.Body.String(), `"priority":`); w.Code != http.StatusOK || n != priorities {
			t.Errorf("%q: %d groups have another priority than 0, want %d: %s", query, n, priorities, w.Body)
		}
	}
	h.stand = []xdsserver.Standing{{Stream: "delta-1", Type: translate.AssignmentType, Name: "shop", View: dc1.String(), Version: "v1", State: xdsserver.Synced}}
	if page := html.UnescapeString(h.get(t, "/nodes/b").Body.String()); !strings.Contains(page, "name=shop&region=eu&view=envoy%40dc1&zone=b") {
		t.Error("the page of a node does not lead to what that node gets")
	}
}

func TestANodeThatNobodyIsSeesNothing(t *testing.T) {
	h := zoned(t, "defaults: {prefer: zone}")
	for _, path := range []string{"/api/v1/services/shop?node=nowher", "/services/shop?node=nowher"} {
		if w := h.get(t, path); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "did you mean nowhere?") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// TestANodeSaysWhereItStands, on its page and in the API, and the page leads to what it sees there.
func TestANodeSaysWhereItStands(t *testing.T) {
	h := zoned(t, "defaults: {prefer: zone}")
	h.stand = []xdsserver.Standing{{Stream: "delta-1", Type: translate.AssignmentType, Name: "shop", View: dc1.String(), Version: "v1", State: xdsserver.Synced}}
	if page := h.get(t, "/nodes/b").Body.String(); !strings.Contains(page, "eu, b") || !strings.Contains(page, `href="/services/shop?node=b"`) {
		t.Errorf("the page of a node does not say where it stands, or what it sees: %s", page)
	}
	if page := h.get(t, "/nodes/nowhere").Body.String(); !strings.Contains(page, "it does not say") || strings.Contains(page, "?node=nowhere") {
		t.Error("the page of a node that stands nowhere does not say so")
	}
	if w := h.get(t, "/api/v1/nodes/b"); !strings.Contains(w.Body.String(), `"region": "eu"`) || !strings.Contains(w.Body.String(), `"zone": "b"`) {
		t.Errorf("%s", w.Body)
	}
}
