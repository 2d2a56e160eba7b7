package admin

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/internal/lastknown"
)

// axe-core comes from npm, which no other test needs:
//
//	npm pack axe-core && tar -xzf axe-core-*.tgz package/axe.min.js
//	go test ./internal/admin -run Axe -count=1 -axe $PWD/package/axe.min.js
var axeFile = flag.String("axe", "", "axe-core's axe.min.js, to check whether everybody can use the page")

// all is a house whose page has every part.
func all() *house {
	h := manyReject(5)
	h.consul.Connected, h.consul.LastError, h.consul.LastErrorAt, h.consul.Swept = false, "connection refused", now.Add(-time.Minute), 12
	h.consul.Problems = []catalog.Problem{
		{Kind: "filtered", Queries: 3, Detail: "the token sees a part", Remedy: "give it service:read and node:read"},
		{Kind: "mass_critical", Detail: "36 of 38 instances turned critical", Remedy: "look at what checks"},
	}
	h.holds = []discovery.Hold{{Service: "api", Why: "emptied", Kept: 3, Served: 3, Since: now.Add(-10 * time.Second), Until: now.Add(50 * time.Second)}}
	h.known = lastknown.Status{File: "/state/file", Unwritten: "no space left on device: make room"}
	h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Set: []catalog.Service{instance("bad", 0), instance("bad-2", 0)}})
	return h
}

func TestAxeFindsNothing(t *testing.T) {
	if *axeFile == "" {
		t.Skip("no -axe FILE")
	}
	axe, err := os.ReadFile(*axeFile)
	if err != nil {
		t.Fatal(err)
	}
	stale := healthy()
	stale.known = lastknown.Status{File: "/state/file", Stale: true, Believed: now.Add(-time.Hour)}
	s := open(t, all())
	b := openBrowser(t, "http://"+s.addr+"/")
	for _, c := range []struct {
		name string
		*house
		path string
	}{
		{"all", all(), "/"}, {"at the start", empty(), "/"}, {"well", healthy(), "/"}, {"stale", stale, "/"},
		{"services", city(300, 10), "/services?page=2&sort=-problems"}, {"some services", town(), "/services?only=problems&q=s"}, {"no service", healthy(), "/services?q=none"},
		{"a service", town(), "/services/shop"}, {"a port", town(), "/services/shop.grpc.port"}, {"one that is well", healthy(), "/services/web"}, {"one with clients", shop(t), "/services/payments"},
		{"one that is left out", town(), "/services/*"}, {"one that is not there", town(), "/services/shpo"}, {"odd names", odd(), "/services"},
		{"changes", yesterday(), "/changes"}, {"a service with changes", yesterday(), "/services/shop"}, {"no changes", yesterday(), "/changes?kind=hold"}, {"wrong changes", yesterday(), "/changes?kind=x"},
		{"nodes", fleet(), "/nodes?sort=id"}, {"many nodes", city(10, 1000), "/nodes?page=2"}, {"no nodes", empty(), "/nodes"}, {"a node", shop(t), "/nodes/edge-2"}, {"a node that is well", fleet(), "/nodes/edge-1"}, {"what a node would get", standing(250), "/nodes/edge-3?resource=e&page=2"}, {"what it rejects", standing(9), "/nodes/edge-3"}, {"a node that is not there", fleet(), "/nodes/egde-1"},
		{"consul", troubled(), "/consul?release=web"}, {"a consul that is well", healthy(), "/consul"},
	} {
		s.now.Store(c.house)
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int{1280, 390} {
				b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
				b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false}, nil)
				for _, away := range []bool{false, true} {
					b.call("Page.navigate", map[string]any{"url": "http://" + s.addr + c.path}, nil)
					b.loaded()
					b.text(fmt.Sprintf(`for (const d of document.querySelectorAll("details")) d.open = true;
						if (%v) { const a = document.getElementById("away"); a.textContent = "Legate does not answer."; a.hidden = false; document.documentElement.classList.add("old"); }`, away))
					b.text(string(axe) + "; 0")
					found := b.text(`axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html).join(" ")).join("\n"))`)
					if found != "" {
						t.Errorf("%s, %s, %d wide, away %v:\n%s", c.name, scheme, width, away, found)
					}
					if wide := b.text(`document.documentElement.scrollWidth > innerWidth`); wide != "false" {
						t.Errorf("%s, %s: the page is wider than %d", c.name, scheme, width)
					}
				}
			}
		}
	}
}

// odd is a house with names that nobody should have.
func odd() *house {
	h := healthy()
	for _, name := range hostile {
		h = h.with(instance(name, 80))
	}
	return h
}
