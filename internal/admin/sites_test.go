package admin

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
)

// federated is a house that follows dc2, which does not answer, and a peer.
func federated() *house {
	h := healthy()
	h.consul.Sites = []discovery.SiteStatus{
		{Peer: "cluster01", Status: discovery.Status{Datacenter: "dc1", Connected: true, LastSuccess: now.Add(-time.Second), Complete: true, Services: 1, Instances: map[string]int{"passing": 2}}},
		{Stale: true, Believed: now.Add(-14 * time.Minute), Status: discovery.Status{Datacenter: "dc2", LastSuccess: now.Add(-14 * time.Minute), Complete: true, Services: 3, Instances: map[string]int{"passing": 4, "critical": 1},
			LastError: "No path to datacenter", Held: 2, Problems: []catalog.Problem{
				{Kind: "unavailable", Since: now.Add(-14 * time.Minute), Queries: 4, Detail: "No path to datacenter", Remedy: "repair the way to dc2"},
				{Kind: "held_emptied", Since: now.Add(-15 * time.Minute), Services: 2, Detail: "api.dc2, web.dc2", Remedy: "wait"},
			}}},
	}
	h.consul.Problems = []catalog.Problem{{Kind: discovery.OfSite, Detail: "dc2: No path to datacenter"}}
	h.state.Since = now.Add(-time.Hour)
	h.holds = []discovery.Hold{{Service: "web", Datacenter: "dc2", Why: "emptied", Kept: 2, Served: 2, Since: now.Add(-15 * time.Minute), Until: now.Add(time.Minute), Remedy: "wait"}}
	return h
}

func TestEachSiteIsToldOnThePages(t *testing.T) {
	h := federated()
	for _, path := range []string{"/", "/consul"} {
		page := unlinked(h.get(t, path).Body.String())
		for _, want := range []string{
			"Datacenters and peers", `>dc1<small>own</small>`, ">cluster01.peer<", ">dc2<", "as it is now",
			`<b class="warn">as last known</b><small>stale for 14 min 0 s</small>`,
			"dc2 has given no believed answer for 14 min 0 s", "3 services with 5 instances stay served as last known of it",
			"dc2: unavailable (4 queries)", "repair the way to dc2", "dc2: held: the last instances (2 services)", ">web.dc2<",
		} {
			if !strings.Contains(page, want) {
				t.Errorf("%s does not say %q:\n%s", path, want, page)
			}
		}
		if strings.Contains(page, "Consul: site") || strings.Contains(page, `class="verdict bad" role="status"`) || strings.Contains(page, "Consul has given no") {
			t.Errorf("%s says that the own Consul is away:\n%s", path, page)
		}
	}
	if page := healthy().get(t, "/").Body.String(); strings.Contains(page, "Datacenters and peers") {
		t.Error("a Legate that follows one datacenter has a table of them")
	}
	if page := h.get(t, "/").Body.String(); !strings.Contains(page, "Serving 1 service of dc1, and 4 elsewhere, to 1 stream, with 3 things to look at.") {
		t.Errorf("the verdict is another one: %s", page)
	}
}

func TestASiteThatIsAwayDoesNotMakeLegateNotReady(t *testing.T) {
	h := federated()
	if w := h.get(t, "/readyz"); w.Code != 200 || w.Body.String() != "ready\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	// Nor is it the reason if the own datacenter was not read yet.
	early := empty()
	early.consul.Sites, early.consul.Problems = h.consul.Sites, h.consul.Problems
	early.consul.FirstSync = discovery.Progress{Done: 12, Total: 30}
	if w := early.get(t, "/readyz"); w.Code != 503 || !strings.Contains(w.Body.String(), "12 of 30 services so far") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestASiteThatWasNeverHeardIsCalledSoOnceItHadTime(t *testing.T) {
	h := federated()
	h.consul.Sites = []discovery.SiteStatus{{Stale: true, Status: discovery.Status{Datacenter: "dc9"}}}
	h.consul.Problems = nil
	const never = "dc9 has not been heard since the start"
	page := h.get(t, "/").Body.String()
	if !strings.Contains(page, never) || !strings.Contains(page, "nothing is known") {
		t.Errorf("the page does not say %q:\n%s", never, page)
	}
	h.state.Since = now.Add(-time.Minute)
	if page := h.get(t, "/").Body.String(); strings.Contains(page, never) {
		t.Errorf("a minute after the start the page says %q", never)
	}
}

func TestAMassThatIsLostElsewhereIsCriticalAndSaysWhere(t *testing.T) {
	for _, kind := range []string{"held_datacenter", "mass_critical"} {
		h := federated()
		h.consul.Sites[1].Problems = []catalog.Problem{{Kind: kind, Services: 40, Detail: "most is gone"}}
		if page := h.get(t, "/").Body.String(); !strings.Contains(page, `class="verdict bad" role="status"`) || !strings.Contains(page, "dc2: ") {
			t.Errorf("%s of dc2:\n%s", kind, page)
		}
	}
}

func TestWhatIsHeldElsewhereIsOfThatServiceOnly(t *testing.T) {
	h := federated()
	h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Set: []catalog.Service{instance("api", 80)}})
	var list Services
	if err := json.Unmarshal(h.get(t, "/api/v1/services").Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(list.Services, func(s ServiceSummary) bool { return s.Name == "web" }); i < 0 || list.Services[i].ProblemCount != 0 {
		t.Errorf("web, of which nothing is held here: %+v", list.Services)
	}
	page := h.get(t, "/consul?release=web.dc2").Body.String()
	if !strings.Contains(page, "To release web.dc2") || strings.Contains(page, "Nothing of it is held") {
		t.Errorf("web.dc2 cannot be released:\n%s", page)
	}
	if page := h.get(t, "/consul?release=web").Body.String(); !strings.Contains(page, "Nothing of it is held") {
		t.Errorf("web can be released, of which nothing is held:\n%s", page)
	}
}
