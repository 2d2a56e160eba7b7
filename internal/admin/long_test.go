package admin

import (
	"encoding/json"
	"strings"
	"testing"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/internal/quote"
)

// Whoever may register a service chooses its name, but neither the length of the page nor that of a
// line.
func TestNamesFromOutsideAreShownInOneShortLine(t *testing.T) {
	h := healthy()
	bad := instance("bad", 0)
	bad.Instances[0].ID = strings.Repeat("x", 4<<20)
	odd := instance("odd", 0)
	odd.Instances[0].ID, odd.Instances[0].Node = "a\x1b[31m\u202eb\u009b", "line\nfeed"
	h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Set: []catalog.Service{bad, odd}})
	h.holds = []discovery.Hold{{Service: "held\u202e\n" + strings.Repeat("y", 4<<20), Why: "emptied"}}
	h.consul.Problems = []catalog.Problem{{Kind: "refused_names", Detail: "these: \u202e" + strings.Repeat("z", 4<<20), Remedy: remedy}}
	h.consul.LastError = "\u009b" + strings.Repeat("e", 4<<20)
	for _, path := range []string{"/", "/api/v1/status", "/api/v1/holds", "/readyz"} {
		w := h.get(t, path)
		body := w.Body.String()
		if w.Code != 200 || len(body) > 64<<10 {
			t.Errorf("%s: %d, %d bytes", path, w.Code, len(body))
		}
		if strings.ContainsAny(body, "\u202e\u009b\x1b") {
			t.Errorf("%s: what turns or controls a terminal is in it", path)
		}
	}
	var s Status
	if body := h.get(t, "/api/v1/status").Body.Bytes(); json.Unmarshal(body, &s) != nil || len(s.Problems) != 2 || s.Problems[1].Instance != "line\nfeed/a\x1b[31m\u202eb\u009b" {
		t.Errorf("what is short enough is not exact: %.300s", body)
	}
	h.state.Resources = healthy().state.Resources
	h.consul.Problems = []catalog.Problem{{Kind: "unreachable", Detail: "\x1b\u202e" + strings.Repeat("z", quote.DataBytes)}}
	h.state.View, h.state.Complete = empty().state.View, empty().state.Complete
	if w := h.get(t, "/readyz"); strings.ContainsAny(w.Body.String(), "\x1b\u202e") {
		t.Errorf("%.100q", w.Body)
	}
}
