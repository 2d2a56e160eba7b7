package watch

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/internal/consultest"
)

// A name that Consul refuses while it answers for others is told, with the reason, and is no trouble with
// Consul. It is told once that it is answered again, also if the answer says the same as before.
func TestANameThatIsRefusedAloneIsNoOutage(t *testing.T) {
	inTime(t, nil, func(t *testing.T, a *asking) {
		a.service("web", 2)
		web := a.watching("web")[0]
		a.Complete()
		time.Sleep(time.Minute)
		told[Answered](a)
		refused := func() bool {
			a.spoilWith(only(aboutOf("web"), refuse(400)))
			time.Sleep(10 * time.Second)
			got := told[Refused](a)
			return len(got) > 0 && got[0].Service == web && consul.IsRefusal(got[0].Err) && time.Since(got[0].At) <= 10*time.Second
		}
		if !refused() || a.Fails(web) || !a.Status().Connected || len(a.Status().Problems) > 0 {
			t.Errorf("a name that is refused is not told as that: %+v", a.Status())
		}
		a.take(isService)
		time.Sleep(10 * time.Minute)
		own, again := 0, 0
		for _, q := range a.take(isService) {
			if q.of("consul") {
				own++ // is not asked again
			} else {
				again++
			}
		}
		if own > 0 || again < 10 {
			t.Errorf("while it is refused it was asked for %d times, and another %d times; want that found out once", again, own)
		}
		a.spoilWith(nil)
		time.Sleep(31 * time.Second)
		if got := a.sizes(web); len(got) != 1 || got[0] != 2 {
			t.Errorf("that it is answered again is told as %v", got)
		}
		a.RestartQuery(web)
		if got := a.sizes(web); len(got) > 0 {
			t.Errorf("and told again: %v", got)
		}
		a.take(isService)
		refused()
		if asked := a.take(aboutOf("consul")); len(asked) != 1 || !asked[0].consistent {
			t.Errorf("when it is refused again: asked %+v, want that found out again, once, from the leader", asked)
		}
	})
}

// Where Consul refuses another name as well, or only once, the name is not the cause.
func TestARefusalThatIsNotOfTheNameIsAnOutage(t *testing.T) {
	once := func() spoiler {
		n := 0
		return only(aboutOf("web"), func(q question) (*http.Response, error) {
			if n++; n == 1 {
				return refuse(400)(q)
			}
			return nil, nil
		})
	}
	broken := func() spoiler { // by something else than a refusal, the second time
		n := 0
		return only(aboutOf("web"), func(q question) (*http.Response, error) {
			if n++; n%2 == 1 {
				return refuse(400)(q)
			}
			return refuse(500)(q)
		})
	}
	for _, c := range []struct {
		name  string
		spoil spoiler
		kind  string // of the problem; empty: none
	}{
		{"every name is refused", only(isService, refuse(400)), "refused"},
		{"it is refused once", once(), ""},
		{"it fails otherwise", broken(), "unavailable"},
		{"it fails", only(aboutOf("web"), refuse(500)), "unavailable"},
		{"there is too much load", only(aboutOf("web"), refuse(429)), "busy"},
	} {
		inTime(t, nil, func(t *testing.T, a *asking) {
			a.service("web", 2)
			a.spoilWith(c.spoil)
			web := a.watching("web")[0]
			time.Sleep(time.Millisecond)
			s := a.Status()
			if a.Fails(web) != (c.kind != "") || len(s.Problems) > 0 != (c.kind != "") || c.kind != "" && s.Problems[0].Kind != c.kind {
				t.Errorf("%s: fails %v, problems %+v", c.name, a.Fails(web), s.Problems)
			}
			if got := told[Refused](a); len(got) > 0 {
				t.Errorf("%s: told %+v", c.name, got)
			}
		})
	}
}

// An outage of a service that turns out to be its name's ends.
func TestAnOutageThatIsOfTheNameEnds(t *testing.T) {
	inTime(t, nil, func(t *testing.T, a *asking) {
		a.spoilWith(only(aboutOf("web"), refuse(500)))
		web := a.watching("web")[0]
		time.Sleep(time.Minute)
		if !a.Fails(web) {
			t.Error("it does not fail")
		}
		a.spoilWith(only(aboutOf("web"), refuse(400)))
		time.Sleep(time.Minute)
		if a.Fails(web) || len(told[Refused](a)) == 0 {
			t.Errorf("problems: %+v", a.Status().Problems)
		}
	})
}

// Where policies hide what they do not allow, a service that looks empty is believed only if the leader's
// list is not empty, too.
func TestTheWitnessOfAnEmptyServiceIsTheList(t *testing.T) {
	denied := func(a *asking) spoiler {
		return only(aboutOf("web"), func(q question) (*http.Response, error) {
			if q.index > 0 {
				return nil, nil
			}
			resp := consultest.Answer(200, 50, "[]")
			resp.Header.Set("X-Consul-Default-Acl-Policy", "deny")
			return resp, nil
		})
	}
	for _, c := range []struct {
		name string
		list consul.Listing
		fail bool
		kind string // of the problem; empty: it is believed
	}{
		{"there are others", consul.Listing{"api": {}}, false, ""},
		{"there is nothing", consul.Listing{}, false, "filtered"},
		{"it cannot be read", nil, true, "unavailable"},
	} {
		inTime(t, nil, func(t *testing.T, a *asking) {
			a.service("web", 2)
			web := a.watching("web")[0]
			a.Complete()
			time.Sleep(10 * time.Second)
			a.sizes(web)
			a.take(isList)
			a.putAt(5, listPath, c.list) // the query for the list hears nothing of it
			empty := denied(a)
			a.spoilWith(func(q question) (*http.Response, error) {
				if c.fail && q.path == listPath && q.index == 0 {
					return refuse(500)(q)
				}
				return empty(q)
			})
			a.RestartQuery(web)
			got := a.sizes(web)
			if believed := len(got) == 1 && got[0] == 0; believed != (c.kind == "") || believed == a.Fails(web) {
				t.Errorf("%s: told %v", c.name, got)
			}
			if p := a.Status().Problems; len(p) != min(1, len(c.kind)) || len(p) > 0 && (p[0].Kind != c.kind || !strings.Contains(p[0].Detail, `web`)) {
				t.Errorf("%s: problems %+v, want %q", c.name, p, c.kind)
			}
			if asked := a.take(isList); len(asked) != 1 || !asked[0].consistent {
				t.Errorf("%s: asked for the list %+v, want the leader asked once", c.name, asked)
			}
		})
	}
}

// What can be lost of a service are the instances that are selected, and that there are others, such as proxies: a loss is
// verified.
func TestWhatOfAServiceCanBeLost(t *testing.T) {
	proxy := map[string]any{"Node": map[string]any{"Node": "n"}, "Service": map[string]any{"ID": "p", "Service": "web", "Kind": "connect-proxy"}}
	for _, c := range []struct {
		name     string
		was, now []any
		verified bool
	}{
		{"an instance", entries("web", 2, "v1"), entries("web", 1, "v1"), true},
		{"a tag that is selected", entries("web", 1, "v1"), entries("web", 1, "v2"), true},
		{"a tag that is not", entries("web", 1, "v1", "x"), entries("web", 1, "v1"), false},
		{"an instance that is not selected", entries("web", 2), entries("web", 1), false},
		{"the last one that is none", append(entries("web", 1, "v1"), proxy), entries("web", 1, "v1"), true},
		{"nothing", entries("web", 1, "v1"), entries("web", 2, "v1"), false},
	} {
		inTime(t, nil, func(t *testing.T, a *asking) {
			a.Select(catalog.Selection{Tags: []string{"v1"}})
			a.put(healthPath+"web", c.was)
			a.watching("web")
			a.Complete()
			time.Sleep(10 * time.Second)
			a.take(isService)
			a.put(healthPath+"web", c.now)
			verified := false
			for _, q := range a.take(isService) {
				verified = verified || q.consistent
			}
			if verified != c.verified {
				t.Errorf("it lost %s: verified %v", c.name, verified)
			}
		})
	}
}

// Questions that do not wait for a change are asked a few at once, whatever they are about.
func TestNotMoreThanSomeReadAtOnce(t *testing.T) {
	few := func(cfg *Config, _ *consul.Config) { cfg.FirstReads = 3 }
	inTime(t, few, func(t *testing.T, a *asking) {
		time.Sleep(10 * time.Second) // the list waits
		a.spoilWith(only(func(q question) bool { return q.index == 0 }, slowly(time.Second)))
		a.take(isService)
		a.watching("a", "b", "c", "d", "e", "f", "g", "h", "i", "j")
		for range 5 {
			go func() { _, _ = a.ReadList(t.Context()) }()
		}
		time.Sleep(4500 * time.Millisecond)
		if n := a.atOnce(); n != 3 {
			t.Errorf("%d at once, want 3", n)
		}
		time.Sleep(time.Second)
		if got := len(told[Answered](a)); got != 10 {
			t.Errorf("%d of 10 services were read after fifteen reads of a second, three at once", got)
		}
		time.Sleep(time.Minute)
	})
}
