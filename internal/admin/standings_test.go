package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"legate/translate"
	"legate/xdsserver"
)

// standing is a house with one node that asks for many resources.
func standing(n int) *house {
	h := fleet()
	h.stand = []xdsserver.Standing{
		{Stream: "delta-1", Peer: "10.0.0.3:5", Type: translate.AssignmentType, Name: "web", View: "envoy@dc1", Version: "v2", Instead: "v1", Changed: now.Add(-time.Hour), State: xdsserver.Nacked, Since: now.Add(-time.Minute), Why: "weights are bad"},
		{Stream: "delta-1", Peer: "10.0.0.3:5", Type: translate.AssignmentType, Name: "ghost", View: "envoy@dc1", State: xdsserver.Stale, Since: now.Add(-2 * time.Minute)},
		{Stream: "delta-1", Peer: "10.0.0.3:5", Type: translate.SecretType, Name: "key", View: "envoy@dc1", Version: "v3", State: xdsserver.NotSent, Since: now.Add(-3 * time.Minute)},
	}
	for i := range n {
		h.stand = append(h.stand, xdsserver.Standing{Stream: "delta-1", Peer: "10.0.0.3:5", Type: translate.ClusterType, Name: fmt.Sprintf("shop-%04d", i), View: "envoy@dc1", Version: "v1", Changed: now, State: xdsserver.Synced})
	}
	return h
}

func TestANodesPageSaysWhatItWouldGetNow(t *testing.T) {
	h := standing(250)
	page := h.get(t, "/nodes/edge-3").Body.String()
	for _, want := range []string{
		"What it would get now", `253 resources: 1 <b class="bad">NACKED</b>, 1 <b class="warn">STALE</b>, 1 <b class="quiet">NOT SENT</b>, 250 <b class="good">SYNCED</b>.`,
		`<a href="/services/web">web</a><small>endpoints, delta-1</small>`, "for 1 min 0 s", "<small>weights are bad</small><small>it keeps v1</small>", `<td class="wide">v2<small><a href="/debug/config_dump?name=web&amp;view=envoy%40dc1">content</a></small></td>`,
		"Consul does not have it", `<th scope="row" class="node">key<small>secrets`, "1–100 of 253", `href="?page=2" rel="next"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	if page := h.get(t, "/nodes/edge-3?resource=SHOP&page=3").Body.String(); !strings.Contains(page, "201–250 of 250") || !strings.Contains(page, `href="?page=2&amp;resource=SHOP" rel="prev"`) ||
		!strings.Contains(page, `value="SHOP"`) || !strings.Contains(page, "250 resources with SHOP in the name") || !strings.Contains(page, ">shop-0249<") {
		t.Error(page)
	}
	if page := h.get(t, "/nodes/edge-3?resource=nothing").Body.String(); !strings.Contains(page, "0 resources with nothing in the name.") {
		t.Error(page)
	}
	if w := h.get(t, "/nodes/edge-3?resource="+strings.Repeat("x", maxSearch+1)); w.Code != http.StatusBadRequest {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if page := h.get(t, "/nodes/edge-7").Body.String(); strings.Contains(page, "What it would get now") {
		t.Error("what a node would get that asks for nothing")
	}
}

func TestTheAPISaysWhatANodeWouldGetNow(t *testing.T) {
	h := standing(250)
	ask := func(query string) (n NodesOfID) {
		if w := h.get(t, "/api/v1/nodes/edge-3"+query); json.Unmarshal(w.Body.Bytes(), &n) != nil || w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return n
	}
	if got := ask("").Resources; got.Total != 253 || got.Pages != 3 || got.Limit != 100 || len(got.Resources) != 100 || got.States[xdsserver.Synced] != 250 || got.Resources[0].Word != "endpoints" || got.Resources[0].Why != "weights are bad" {
		t.Errorf("%+v", got)
	}
	if got := ask("?resource=shop&page=99").Resources; got.Total != 250 || got.Page != 3 || len(got.Resources) != 50 || got.Resources[49].Name != "shop-0249" {
		t.Errorf("%+v", got)
	}
	if w := h.get(t, "/api/v1/nodes/edge-3?limit=1000"); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "there are resource, page") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
