package admin

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"legate/discovery"
)

type releaser map[string]int

func (r releaser) Release(_ context.Context, service string) int { return r[service] }

func TestHoldsAreListed(t *testing.T) {
	h := healthy()
	h.holds = []discovery.Hold{{Service: "web", Why: "emptied", Kept: 3, Served: 3, Remedy: "wait"}}
	body := h.get(t, "/api/v1/holds").Body.String()
	if !strings.Contains(body, `"service":"web"`) || !strings.Contains(body, `"kept":3`) {
		t.Error(body)
	}
}

func TestARelease(t *testing.T) {
	for _, c := range []struct {
		query string
		code  int
		says  string
	}{
		{"service=web", 200, `"released":1`},
		{"all=true", 200, `"released":7`},
		{"service=other", 404, "nothing of the service"},
		{"", 400, "say which"},
		{"all=true&service=web", 400, "say which"},
	} {
		w := httptest.NewRecorder()
		ReleaseHolds(releaser{"web": 1, "": 7}).ServeHTTP(w, httptest.NewRequest(http.MethodPost, ReleasePath+"?"+c.query, nil))
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%q: %d %s", c.query, w.Code, w.Body)
		}
	}
}
