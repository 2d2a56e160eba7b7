package admin

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/translate"
	"legate/xdsserver"
)

// What docs/page.md and docs/api.md show is what Legate answers.
func TestDocumentedAnswersAreReal(t *testing.T) {
	h := healthy()
	h.holds = []discovery.Hold{{Service: "stock", Why: "shrunk", Kept: 2, Served: 3, Since: now.Add(-4 * time.Second), Until: now.Add(6 * time.Second),
		Remedy: "if they are really gone, wait, or release it: legate holds release --service NAME"}}
	web := instance("web", 80)
	web.Instances = append(web.Instances, catalog.Instance{ID: "web-2", Node: "n2", Address: "10.0.0.2", Port: 80, Health: catalog.Critical,
		Checks: []catalog.Check{{ID: "http", Status: "critical"}}, Weights: catalog.Weights{Passing: 1, Warning: 1}})
	h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Set: []catalog.Service{web, instance("api", 80)}, Since: now.Add(-2 * time.Second)})
	published := now.Add(-2 * time.Second)
	h.sent = []xdsserver.Delivery{{View: dc1, Name: translate.Name{Type: translate.AssignmentType, Name: "web"}, Version: "Sbgx9ap2XykRsbEp", Changed: published,
		FirstSent: published.Add(time.Millisecond), LastAck: published.Add(4 * time.Millisecond), Streams: 2, Acknowledged: 1, InFlight: 1,
		Missing: []xdsserver.Awaited{{Stream: "delta-2", Node: "edge-2", Peer: "10.0.9.2:41230", State: xdsserver.Stale, Since: published.Add(time.Millisecond)}}}}
	examples := regexp.MustCompile("(?s)(```sh\ncurl '?http://127.0.0.1:18001([^'\n]*)'?\n```\n\n```(?:json|text)\n)(.*?)```")
	for name, want := range map[string]int{"page.md": 2, "api.md": 3} {
		file := "../../docs/" + name
		doc, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all := examples.FindAllStringSubmatch(string(doc), -1)
		if len(all) != want {
			t.Fatalf("%s: %d examples, want %d", name, len(all), want)
		}
		for _, m := range all {
			got := h.get(t, m[2]).Body.String()
			if *writeOpenAPI {
				doc = []byte(strings.Replace(string(doc), m[0], m[1]+got+"```", 1))
			} else if got != m[3] {
				t.Errorf("%s: %s: it says\n%s\nand Legate answers\n%s", name, m[2], m[3], got)
			}
		}
		if *writeOpenAPI {
			if err := os.WriteFile(file, doc, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	doc, err := os.ReadFile("../../docs/page.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range slices.Concat(serviceColumns(), serviceParts(), nodeColumns(), nodeParts()) {
		if !strings.Contains(string(doc), "`"+what+"`") {
			t.Errorf("it does not name %s", what)
		}
	}
}
