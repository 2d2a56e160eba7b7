package admin

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/translate"
	"legate/xdsserver"
)

// What docs/page.md shows is what Legate answers.
func TestDocumentedAnswersAreReal(t *testing.T) {
	doc, err := os.ReadFile("../../docs/page.md")
	if err != nil {
		t.Fatal(err)
	}
	h := healthy()
	web := instance("web", 80)
	web.Instances = append(web.Instances, catalog.Instance{ID: "web-2", Node: "n2", Address: "10.0.0.2", Port: 80, Health: catalog.Critical,
		Checks: []catalog.Check{{ID: "http", Status: "critical"}}, Weights: catalog.Weights{Passing: 1, Warning: 1}})
	h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Set: []catalog.Service{web, instance("api", 80)}, Since: now.Add(-2 * time.Second)})
	published := now.Add(-2 * time.Second)
	h.sent = []xdsserver.Delivery{{View: dc1, Name: translate.Name{Type: translate.AssignmentType, Name: "web"}, Version: "Sbgx9ap2XykRsbEp", Changed: published,
		FirstSent: published.Add(time.Millisecond), LastAck: published.Add(4 * time.Millisecond), Streams: 2, Acknowledged: 1, InFlight: 1,
		Missing: []xdsserver.Awaited{{Stream: "delta-2", Node: "edge-2", Peer: "10.0.9.2:41230", State: xdsserver.Stale, Since: published.Add(time.Millisecond)}}}}
	examples := regexp.MustCompile("(?s)```sh\ncurl '?http://127.0.0.1:18001([^'\n]*)'?\n```\n\n```json\n(.*?)```").FindAllStringSubmatch(string(doc), -1)
	if len(examples) != 2 {
		t.Fatalf("%d examples, want 2", len(examples))
	}
	for _, m := range examples {
		if got := h.get(t, m[1]).Body.String(); got != m[2] {
			t.Errorf("%s: the page says\n%s\nand Legate answers\n%s", m[1], m[2], got)
		}
	}
	for _, what := range slices.Concat(serviceColumns(), serviceParts(), nodeColumns(), nodeParts()) {
		if !strings.Contains(string(doc), "`"+what+"`") {
			t.Errorf("it does not name %s", what)
		}
	}
}
