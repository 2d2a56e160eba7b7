package admin

import (
	"net/http"
	"strings"
	"testing"

	"legate/discovery/catalog"
)

// Who asks for a service that Legate does not see reads whether the selection or an ACL hides it.
func TestWhatHidesAServiceIsSaid(t *testing.T) {
	denied := []catalog.Problem{{Kind: "busy", Detail: "too many", Remedy: "wait"}, {Kind: "hidden", Detail: "Consul hides parts", Remedy: "give the token service:read"}}
	for _, c := range []struct {
		name      string
		selection catalog.Selection
		problems  []catalog.Problem
		want      string
	}{
		{"old-web", catalog.Selection{Exclude: []string{"old-*", "x"}}, nil, "The selection leaves that name out: --exclude old-*, x."},
		{"shop", catalog.Selection{Include: []string{"web*"}, Exclude: []string{"x"}}, nil, "The selection leaves that name out: --include web*, --exclude x."},
		{"shop", catalog.Selection{Tags: []string{"a", "b"}}, nil, "Only services with an instance that has all selected tags are served: --tag a, b."},
		{"web1.x.port", catalog.Selection{Include: []string{"web1"}}, nil, "The selection does not hide it."}, // there is no such port
		{"consul", catalog.Selection{}, nil, "That is Consul's own entry for its servers, which is never served."},
		{"shop", catalog.Selection{}, nil, "The selection does not hide it. Consul lists only what Legate's token may read"},
		{"shop", catalog.Selection{}, denied, "An ACL may hide it: Consul hides parts: give the token service:read."},
		{"shop", catalog.Selection{Tags: []string{"a"}}, denied, "--tag a. An ACL may hide it: Consul hides parts: "},
	} {
		h := healthy()
		h.consul.Selection, h.consul.Problems = c.selection, c.problems
		for _, path := range []string{"/api/v1/services/", "/services/"} {
			w := h.get(t, path+c.name)
			body := strings.ReplaceAll(w.Body.String(), "&#39;", "'")
			if w.Code != http.StatusNotFound || !strings.Contains(body, c.want) {
				t.Errorf("%s%s: %d, want %q in\n%s", path, c.name, w.Code, c.want, body)
			}
		}
	}
}

// A service that is listed and not followed is explained as that, with what helps.
func TestAServiceThatNobodyAsksForIsExplained(t *testing.T) {
	h := healthy()
	h.unfollowed = func(name string) bool { return name == "shop" }
	for _, path := range []string{"/api/v1/services/", "/services/"} {
		if body := h.get(t, path+"shop").Body.String(); !strings.Contains(body, "no client asks for it by name") || !strings.Contains(body, "--follow-services") {
			t.Errorf("%s: %s", path, body)
		}
		if body := h.get(t, path+"other").Body.String(); strings.Contains(body, "no client asks") {
			t.Errorf("%s: a service that Consul does not list is explained so: %s", path, body)
		}
	}
}
