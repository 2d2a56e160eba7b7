package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/resolve"
	"legate/discovery/watch"
)

// troubled is a house whose Consul has every kind of trouble.
func troubled() *house {
	h := healthy()
	h.consul.Connected, h.consul.LastError, h.consul.LastErrorAt, h.consul.Direct, h.consul.Swept, h.consul.Mode = false, "connection refused", now.Add(-3*time.Second), 89, 161, "signals"
	h.consul.Entries = map[string]int{"service-defaults": 1}
	h.consul.Problems = []catalog.Problem{
		{Kind: "unreachable", Since: now.Add(-12 * time.Minute), Queries: 12, Detail: "connection refused (of the catalog)", Remedy: remedy},
		{Kind: "connections", Detail: "161 of 250 services have no connection of their own", Remedy: "use https"},
	}
	h.asked = discovery.Asked{
		Pool:    consul.Pool{Open: 97, Opening: 1, Limit: 100, Busy: 93, Queries: 93, Waiting: 4, PerConnection: 1},
		Watches: discovery.Watches{List: 1, Entries: 3, Direct: 89, Signals: 1, Swept: 161, Round: 27},
		Asked: watch.Asked{
			Failing: 12, LongestPause: 30,
			Slowest:  []watch.Slow{{About: `service "web"`, Seconds: 12.3456, Outcome: "timeout", At: now.Add(-time.Minute)}, {About: "the list of services", Seconds: 0.25, Outcome: "changed", At: now}},
			Rejected: []watch.Rejection{{Reason: "index_back", Count: 7, Last: now.Add(-time.Hour), About: "the list of services", Detail: "its index went back", Remedy: "nothing, if a snapshot was restored"}},
			Outages:  []watch.Outage{{Kind: consul.Timeout, Since: now.Add(-2 * time.Hour), Over: now.Add(-2*time.Hour + 90*time.Second), Detail: "no answer after 20s"}},
		},
		Refused: []discovery.RefusedName{{Name: "a b", Since: now.Add(-time.Minute), Detail: "400", Remedy: "register it under a plain name"}},
	}
	h.holds = []discovery.Hold{
		{Service: "web", Why: "emptied", Kept: 3, Served: 3, Since: now.Add(-10 * time.Second), Until: now.Add(50 * time.Second), Remedy: "wait"},
		{Service: "it's", Why: "shrunk", Kept: 3, Served: 5, Since: now},
		{Service: "api", Entry: "service-defaults/api", Why: "entry_hidden", Since: now},
	}
	h.hosts = &resolve.Status{Names: 5, Stale: 1, Unresolved: 1, Troubled: []resolve.Named{
		{Host: "db.internal", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.9")}, Since: now.Add(-time.Minute), Until: now.Add(9 * time.Minute), Services: []string{"db"}, Detail: "NXDOMAIN", Remedy: "look at the DNS servers"},
		{Host: "no.internal", Since: now, Services: []string{"x"}, Detail: "SERVFAIL", Remedy: "look at the DNS servers"},
	}}
	return h
}

func TestThePageSaysHowConsulIsAskedAndWhatIsWrong(t *testing.T) {
	w := troubled().get(t, "/consul")
	page := w.Body.String()
	if w.Code != http.StatusOK {
		t.Fatal(w.Code, page)
	}
	for _, want := range []string{
		`<a href="/consul" aria-current="page">Consul</a>`, `verdict bad`, "Consul at http://127.0.0.1:8500 does not answer since 02:48:00.000, 12 min 0 s. What was last believed stays served.",
		"Since 02:48:00.000, 12 min 0 s ago: connection refused (of the catalog)", remedy,
		"<dd>97 of 100, 1 being opened</dd>", "<dd>93, with 93 queries</dd>", `<b class="warn">4 queries</b>`, "HTTP/1.1, one query at a time on each",
		`<b class="warn">12 queries</b>, asked again within 30 s`,
		`services, directly</th><td>blocking query</td><td class="n">89</td>`, `config entries, by kind</th><td>blocking query</td><td class="n">3</td>`, `all checks, as signals`, `services, swept</th><td>in turn</td><td class="n">161</td>`, "a round takes 27 s",
		`<td class="n">5</td><td class="wide why">1 kept as last known, 1 without an address</td>`,
		`<a href="/services/a%20b">&#34;a b&#34;</a>`, "register it under a plain name",
		"db.internal", "10.0.0.9<br>", "until 03:09:00", "NXDOMAIN", `<b class="bad">nothing</b>`,
		"index_back", "the list of services: its index went back", "nothing, if a snapshot was restored", `<td class="n">7</td>`,
		"service &#34;web&#34;", "12.346 s", "timeout", "01:00:00.000<small>over 1 h 58 min ago</small>", "1 min 30 s", "no answer after 20s",
		`<button name="release" value="it&#39;s" aria-label="How to release it&#39;s">`, `<form method="get" action="/consul"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	if strings.Contains(page, "legate holds release --service web") {
		t.Error("a command is shown that nobody asked for")
	}
	page = healthy().get(t, "/consul").Body.String()
	for _, want := range []string{`verdict good`, "Consul at http://127.0.0.1:8500 answers."} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	for _, no := range []string{"Held", "To look at", "Slowest", "Last outages", "Host names", "Answers that", "Names that"} {
		if strings.Contains(page, no) {
			t.Errorf("%s, where there is nothing of it:\n%s", no, page)
		}
	}
	if page := empty().get(t, "/consul").Body.String(); !strings.Contains(page, "was not asked yet, or has not answered") {
		t.Error(page)
	}
	h := troubled()
	h.consul.Complete, h.consul.HTTP2, h.asked.Pool.PerConnection, h.asked.Watches.Signals = false, true, 250, 0
	page = h.get(t, "/consul").Body.String()
	for _, want := range []string{"It was not read completely yet.", "HTTP/2, 250 queries at once on each", "no signals: changes are seen within a round"} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	if page := h.get(t, "/").Body.String(); strings.Count(page, `href="/consul"`) < 3 {
		t.Error("the overview does not lead to it")
	}
}

func TestTheAPISaysTheSameOfConsul(t *testing.T) {
	var got map[string]any
	w := troubled().get(t, "/api/v1/consul")
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Header().Get("ETag") == "" {
		t.Fatal(err, w.Header())
	}
	for _, name := range []string{"address", "state", "connected", "pool", "watches", "slowest", "rejected", "failing", "outages", "refused_names", "holds", "host_names", "problems", "longest_pause_seconds"} {
		if got[name] == nil {
			t.Errorf("%s is missing in %v", name, got)
		}
	}
	if got["state"] != "does not answer" {
		t.Error(got["state"])
	}
	if body := empty().get(t, "/api/v1/consul").Body.String(); strings.Contains(body, `"holds": null`) || strings.Contains(body, "host_names") {
		t.Error(body)
	}
}

// The page shows the command as it is typed, for each right that somebody may have, and changes nothing.
func TestThePageShowsTheCommandThatReleases(t *testing.T) {
	const socket, token = "On Legate’s machine, as the user that it runs as", "admin token"
	for _, c := range []struct {
		query, socket, token string
		want, no             []string
	}{
		{"?release=web", "/run/legate/admin.sock", "", []string{"<code>legate holds release --service web --admin-socket /run/legate/admin.sock</code>", socket}, []string{token}},
		{"?release=web", "", "/x", []string{"<code>legate holds release --service web --admin-addr localhost --admin-token-file TOKEN_FILE</code>", token}, []string{socket}},
		{"?release=service-defaults/api", "/s", "", []string{"--service service-defaults/api --admin-socket /s"}, nil},
		{"?release=api", "/s", "", []string{"--service api --admin-socket /s"}, nil},
		{"?release=it's", "/a b", "", []string{`--service &#39;it&#39;\&#39;&#39;s&#39; --admin-socket &#39;/a b&#39;`}, nil},
		{"?all=true", "/s", "", []string{"To release all holds", "legate holds release --all --admin-socket /s"}, nil},
		{"?release=other", "/s", "", []string{"To release other", "Nothing of it is held now."}, []string{"legate holds release --service"}},
		{"?release=-x%1b", "/s", "", []string{"Its name cannot be typed"}, []string{"<code>"}},
		{"?release=web", "", "", []string{"Legate accepts no changes now: start it with --admin-socket"}, []string{"<code>"}},
	} {
		h := troubled()
		h.holds = append(h.holds, discovery.Hold{Service: "-x\x1b", Why: "emptied"})
		s := h.server()
		s.config.Socket, s.config.TokenFile = c.socket, c.token
		page := pageOf(t, s, "/consul"+c.query)
		for _, want := range c.want {
			if !strings.Contains(page, want) {
				t.Errorf("%+v: want %q in\n%s", c, want, page)
			}
		}
		for _, no := range c.no {
			if strings.Contains(page, no) {
				t.Errorf("%+v: %q is in\n%s", c, no, page)
			}
		}
	}
	if page := healthy().get(t, "/consul?all=true").Body.String(); !strings.Contains(page, "Nothing is held now.") {
		t.Error(page)
	}
}

// Whatever Consul and DNS say, the page is bounded, and one line each.
func TestHostileWordsOfConsulAreSafeToShow(t *testing.T) {
	evil := strings.Repeat("x\u202e\x1b[31m<script>alert(1)</script>\n", 2_000)
	h := troubled()
	h.asked.Slowest[0].About, h.asked.Rejected[0].Detail, h.asked.Rejected[0].About, h.asked.Outages[0].Detail = evil, evil, evil, evil
	h.asked.Refused[0].Name, h.asked.Refused[0].Detail, h.hosts.Troubled[0].Host, h.hosts.Troubled[0].Detail = evil, errors.New(evil).Error(), evil, evil
	h.hosts.Troubled[0].Services = make([]string, 100_000)
	h.consul.LastError, h.consul.Problems[0].Detail, h.holds[0].Service = evil, evil, evil
	for range 300 {
		h.holds = append(h.holds, discovery.Hold{Service: "x", Why: "emptied"})
	}
	for _, path := range []string{"/consul", "/consul?release=x", "/api/v1/consul"} {
		body := h.get(t, path).Body.String()
		if strings.ContainsAny(body, "\u202e\x1b") || strings.Contains(path, "/consul?") && strings.Contains(body, "<script>a") || len(body) > 150_000 {
			t.Errorf("%s: %d bytes, or not plain", path, len(body))
		}
	}
}

func pageOf(t *testing.T, s *Server, path string) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil))
	return w.Body.String()
}
