package admin

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"legate/discovery"
	"legate/discovery/catalog"
)

type releaser map[string]int

func (r releaser) Release(_ context.Context, service string) int { return r[service] }

func (r releaser) ReleaseSite(_ context.Context, site string) int { return r["site "+site] }

func TestHoldsAreListed(t *testing.T) {
	h := healthy()
	h.holds = []discovery.Hold{{Service: "web", Why: "emptied", Kept: 3, Served: 3, Remedy: "wait"}}
	body := h.get(t, "/api/v1/holds").Body.String()
	if !strings.Contains(body, `"service": "web"`) || !strings.Contains(body, `"kept": 3`) {
		t.Error(body)
	}
}

// A hold shows whether its instances are gone or only lost their tags: the remedy differs.
func TestThePageSaysHowManyOfAHoldLostTheirTagsOnly(t *testing.T) {
	h := healthy()
	h.holds = []discovery.Hold{
		{Service: "web", Why: "shrunk", Kept: 5, Served: 8, Deselected: 2},
		{Service: "db", Why: "emptied", Kept: 3, Served: 3},
		{Service: "pay", Why: "emptied", Kept: 1, Served: 1, Deselected: 1},
	}
	page := h.get(t, "/").Body.String()
	for _, want := range []string{
		`<td class="n">5 of 8<small>2 lost their tags</small></td>`, `<td class="n">3 of 3</td>`, `<td class="n">1 of 1<small>1 lost its tags</small></td>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
}

func TestThePageShowsConfigEntriesAndThoseThatAreHeld(t *testing.T) {
	h := healthy()
	h.holds = []discovery.Hold{{Service: "web", Entry: "service-defaults/web", Why: "entry_hidden"}}
	h.consul.Complete = true
	h.consul.Entries = map[string]int{"proxy-defaults": 1, "service-defaults": 2}
	h.consul.Problems = []catalog.Problem{{Kind: "held_entry_hidden", Services: 2}, {Kind: "hidden_entries", Queries: 1}}
	page := h.get(t, "/").Body.String()
	for _, want := range []string{
		`<th scope="row" class="node">service-defaults/web<small>of <a href="/services/web">web</a></small></th><td>the right to read a config entry</td><td class="n">all</td>`, "when the token may read it again, or on release",
		"<dt>proxy-defaults</dt><dd>1 entry</dd>", "<dt>service-defaults</dt><dd>2 entries</dd>",
		"Held: the right to read a config entry (2 entries)", "Consul: hidden entries (1 query)",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	h.consul.Entries = nil
	if page := h.get(t, "/").Body.String(); !strings.Contains(page, "<dt>Config entries</dt><dd>not watched</dd>") {
		t.Errorf("that they are not watched is not said:\n%s", page)
	}
}

func TestThePageSaysHowManyServicesAProblemConcerns(t *testing.T) {
	h := healthy()
	h.consul.Problems = []catalog.Problem{{Kind: "refused_names", Services: 3}, {Kind: "unread", Services: 1}, {Kind: "denied", Queries: 4}, {Kind: "timeout", Queries: 1}}
	page := h.get(t, "/").Body.String()
	for _, want := range []string{"Consul: refused names (3 services)", "Consul: unread (1 service)", "Consul: denied (4 queries)", "Consul: timeout (1 query)"} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
}

func TestARelease(t *testing.T) {
	for _, c := range []struct {
		query string
		code  int
		says  string
	}{
		{"service=web", 200, `"released":1`},
		{"site=dc2", 200, `"released":3`},
		{"site=dc3", 404, "nothing of the site dc3 is held"},
		{"site=dc2&service=web", 400, "say which"},
		{"site=dc2&all=true", 400, "say which"},
		{"all=true", 200, `"released":7`},
		{"service=other", 404, "nothing of the service"},
		{"", 400, "say which"},
		{"all=true&service=web", 400, "say which"},
	} {
		w := httptest.NewRecorder()
		ReleaseHolds(releaser{"web": 1, "": 7, "site dc2": 3}).ServeHTTP(w, httptest.NewRequest(http.MethodPost, ReleasePath+"?"+c.query, nil))
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%q: %d %s", c.query, w.Code, w.Body)
		}
	}
}
