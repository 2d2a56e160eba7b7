package cli

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/internal/xdstest"
	"legate/translate"
	"legate/xdsserver"
)

func TestWhatIsExpectedOfAName(t *testing.T) {
	now := time.Now()
	of := map[string]discovery.Interest{
		"ghost": {}, "unlisted": {Unlisted: true}, "listed": {Listed: true}, "reading": {Listed: true, Followed: true},
		"read": {Listed: true, Followed: true, Read: now}, "old": {Listed: true, Followed: true, Read: now.Add(-time.Hour)},
		"refused": {Listed: true, Followed: true, Refused: true}, "unaskable": {Unlisted: true, Refused: true},
	}
	for names, want := range map[string]xdsserver.Expected{
		"": xdsserver.Nothing, "ghost": xdsserver.Nothing, "old": xdsserver.Nothing, "refused": xdsserver.Nothing, "unaskable": xdsserver.Nothing,
		"unlisted": xdsserver.Unread, "listed": xdsserver.Unread, "reading": xdsserver.Unread, "read": xdsserver.Soon,
		"ghost read": xdsserver.Soon, "read reading": xdsserver.Unread, "refused unlisted": xdsserver.Unread, "old ghost refused": xdsserver.Nothing,
	} {
		var keys []catalog.ServiceKey
		for _, name := range strings.Fields(names) {
			keys = append(keys, catalog.ServiceKey{Datacenter: "dc1", Name: name})
		}
		is := expected(keys, func(key catalog.ServiceKey) discovery.Interest { return of[key.Name] }, time.Minute)
		if is != want {
			t.Errorf("%q: %v, want %v", names, is, want)
		}
	}
}

// redirecting is a Consul with the services back and Rear, and front, which nobody registers and a resolver redirects. It says
// which datacenter it is of when that is known.
func redirecting(t *testing.T, to string, known <-chan struct{}) *httptest.Server {
	t.Helper()
	pages := map[string]any{
		"/v1/agent/self":                        map[string]any{"Config": map[string]string{"Datacenter": "dc1"}},
		"/v1/catalog/services":                  map[string][]string{"consul": {}, "back": {}, "Rear": {}, "other": {}},
		"/v1/config/" + catalog.ServiceResolver: []any{map[string]any{"Kind": catalog.ServiceResolver, "Name": "front", "Redirect": map[string]string{"Service": to}}},
	}
	for _, name := range []string{"back", "Rear"} {
		pages["/v1/health/service/"+name] = []any{map[string]any{
			"Node":    map[string]string{"Node": "n", "Address": "10.0.0.1", "Datacenter": "dc1"},
			"Service": map[string]any{"ID": name, "Service": name, "Port": 80},
			"Checks":  []any{},
		}}
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("index") != "" { // nothing changes
			<-r.Context().Done()
			return
		}
		page, is := pages[r.URL.Path]
		switch {
		case r.URL.Path == "/v1/agent/self":
			select {
			case <-known:
			case <-r.Context().Done():
				return
			}
		case strings.HasPrefix(r.URL.Path, "/v1/config/") && !is:
			page = []any{}
		case !is:
			t.Errorf("asked for %s", r.URL)
		}
		w.Header().Set("X-Consul-Index", "10")
		w.Header().Set("X-Consul-Knownleader", "true")
		_ = json.NewEncoder(w).Encode(page)
	}))
	t.Cleanup(s.Close)
	return s
}

// A client may come before Legate knows what its datacenter is called, and ask for a name that a resolver leads to a service of
// another name. It is answered with what there is, and not with nothing before.
func TestTheFirstAnswerHasWhatANameLeadsTo(t *testing.T) {
	for what, to := range map[string]string{"as it is registered": "back", "registered with a capital": "rear"} {
		t.Run(what, func(t *testing.T) {
			known := make(chan struct{})
			r := serve(t, "--follow", "wanted", "--first-answer-wait", "1m", "--consul-addr", strings.TrimPrefix(redirecting(t, to, known).URL, "http://"))
			early := xdstest.Open(t, xdstest.Dial(t, r.xds), xdstest.Delta, "early")
			early.Want(translate.AssignmentType, "front")
			early.Silence()
			close(known)
			got := early.Read()
			if a := got.Resources["front"]; a == nil || !strings.Contains(string(a.GetValue()), net.IPv4(10, 0, 0, 1).String()) {
				t.Errorf("the first answer is %s", got)
			}
			early.Ack(got)
			early.Close()
			if code := r.end(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// A client asks for a cluster by the name that its service is registered under. What Consul has in another case is none of
// its, so that nobody reads it for that: the client does not wait for it.
func TestNobodyWaitsForWhatIsOnlyCalledAlike(t *testing.T) {
	known := make(chan struct{})
	close(known)
	r := serve(t, "--follow", "wanted", "--first-answer-wait", "100ms", "--consul-addr", strings.TrimPrefix(redirecting(t, "back", known).URL, "http://"))
	c := xdstest.Open(t, xdstest.Dial(t, r.xds), xdstest.Delta, "edge")
	c.Resume(translate.AssignmentType, map[string]string{"rear": "from before"}, "rear")
	c.Accept(translate.AssignmentType, "rear@empty")
	c.Close()
	if code := r.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
