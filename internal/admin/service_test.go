package admin

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/translate"
	"legate/translate/policy"
	"legate/xdsserver"
)

// with is a house that serves these services as well.
func (h *house) with(services ...catalog.Service) *house {
	h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Set: services})
	return h
}

// several is a service with an instance of each kind.
func several() catalog.Service {
	s := catalog.Service{Key: catalog.ServiceKey{Datacenter: "dc1", Name: "shop"}}
	for n, health := range []catalog.Health{catalog.Passing, catalog.Critical, catalog.Maintenance, catalog.Warning, catalog.Passing, catalog.Passing} {
		s.Instances = append(s.Instances, catalog.Instance{ID: fmt.Sprint("shop-", n), Node: "n1", Address: fmt.Sprint("10.0.1.", n), Port: 80, Health: health,
			Weights: catalog.Weights{Passing: 3}, Locality: catalog.Locality{Region: "eu", Zone: "b"}})
	}
	s.Instances[1].Checks = []catalog.Check{{ID: "disk", Status: "warning"}, {ID: "http", Status: "critical"}, {ID: "ssh", Status: "passing", Node: true}}
	s.Instances[4].Port = 0
	s.Instances[5].Ports = []catalog.Port{{Name: "grpc", Port: 81}, {Name: "http", Port: 80, Default: true}}
	return s
}

func (h *house) service(t *testing.T, path string) (s Service) {
	t.Helper()
	w := h.get(t, path)
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%s: %d %v\n%s", path, w.Code, err, w.Body)
	}
	return s
}

func TestAServiceIsExplainedInstanceByInstance(t *testing.T) {
	h := healthy().with(several())
	s := h.service(t, "/api/v1/services/shop")
	if s.Name != "shop" || !s.Served || s.Health != (HealthCount{3, 1, 1, 1}) || s.Serving != 2 || s.ProblemCount != 1 || s.Total != 6 || strings.Join(s.Ports, " ") != "shop.grpc.port" {
		t.Errorf("%+v", s)
	}
	var got []string
	for _, i := range s.Instances {
		health := "none"
		if len(i.Endpoints) > 0 {
			health = fmt.Sprint(i.Endpoints[0])
		}
		got = append(got, fmt.Sprintf("%s: %s, %s; %s; %s", i.ID, i.State, health, i.Why, i.Remedy[:min(len(i.Remedy), 8)]))
	}
	want := []string{
		"shop-4: left_out, none; port 0; register",
		"shop-1: no_traffic, {10.0.1.1:80 UNHEALTHY 3 0 eu b}; check http is critical, check disk is warning; look at ",
		"shop-2: no_traffic, {10.0.1.2:80 DRAINING 3 0 eu b}; it is in maintenance; end the ",
		"shop-3: standby, {10.0.1.3:80 DEGRADED 3 0 eu b}; it is warning, and its warning weight is 0: it takes traffic only while no other is well; look at ",
		"shop-0: serving, {10.0.1.0:80 HEALTHY 3 0 eu b}; ; ",
		"shop-5: serving, {10.0.1.5:80 HEALTHY 3 0 eu b}; ; ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the instances are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	page := unlinked(h.get(t, "/services/shop").Body.String())
	for _, want := range []string{
		`class="verdict warn" role="status">2 of 6 instances take traffic, with 1 thing to look at.`, "Left out: shop, instance n1/shop-4", "register the instance with the port",
		"check http is critical, check disk is warning", "no traffic", "stands by", "takes traffic", "10.0.1.5:80", "eu, b", "maintenance", "shop.grpc.port", "/api/v1/services/shop",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	port := h.service(t, "/api/v1/services/shop.grpc.port")
	if port.Service != "shop" || port.Port != "grpc" || port.Serving != 1 || port.Instances[0].Why != `it has no port "grpc"` {
		t.Errorf("of a port: %+v", port)
	}
}

func TestEachFieldOfThePolicySaysWhoSaidIt(t *testing.T) {
	web := instance("web", 80)
	web.Instances[0].Meta = map[string]string{"legate-lb-policy": "random", "legate-protocol": "grcp"}
	h := healthy().with(web)
	said, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte("defaults:\n  connect_timeout: 7s\n")}})
	if err != nil {
		t.Fatal(err)
	}
	h.state.Resources, _ = h.state.Resources.With(said)
	h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Entries: []catalog.Entry{{Key: catalog.EntryKey{Kind: catalog.ServiceDefaults, Name: "web"}, Protocol: "http2"}}})
	page := h.get(t, "/services/web").Body.String()
	text := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, "|")
	for field, want := range map[string]string{
		"protocol": `http2\|.*consul service-defaults/web`, "connect_timeout": `7s\|.*defaults policy.yaml:1`, "lb_policy": `random\|.*owner legate-lb-policy`, "healthy_panic_threshold": `0%\|.*built-in`,
	} {
		if !regexp.MustCompile(`\|` + field + `\|[|]*` + want).MatchString(text) {
			t.Errorf("want %s %s in\n%s", field, want, text)
		}
	}
	if s := h.service(t, "/api/v1/services/web"); s.Policy == nil || len(s.Policy.Fields) != 4 || len(s.Policy.Problems) != 1 || s.ProblemCount != 1 || s.Problems[0].Reason != "policy" || s.Problems[0].Remedy == "" {
		t.Errorf("%+v", s)
	}
	if !strings.Contains(page, "Served without a part of the policy: web") || !strings.Contains(page, "did you mean &#34;grpc&#34;?") {
		t.Errorf("the mistake is not on the page: %s", page)
	}
}

func TestWhatOtherRoomsSayOfAServiceIsOnItsPage(t *testing.T) {
	h := manyReject(2).with(instance("svc-11", 80), several())
	h.streams = append(h.streams, rejecting("odd", "shop.grpc.port", "no such host"))
	h.holds = []discovery.Hold{
		{Service: "svc-11", Why: "shrunk", Kept: 3, Served: 4, Since: now.Add(-time.Minute), Until: now.Add(time.Minute), Remedy: "wait"},
		{Service: "web", Why: "emptied", Since: now}, {Entry: "proxy-defaults/global", Why: "entry", Since: now},
	}
	s := h.service(t, "/api/v1/services/svc-11")
	if s.ProblemCount != 2 || len(s.Problems) != 2 || s.Problems[0].Reason != "rejected" || len(s.Problems[0].Nodes) != 2 || s.Problems[1].Reason != "held" || !strings.Contains(s.Problems[1].Detail, "until 2026-11-22T03:01:00Z") {
		t.Errorf("%+v", s.Problems)
	}
	page := h.get(t, "/services/svc-11").Body.String()
	for _, want := range []string{`class="verdict bad" role="status">Its one instance takes traffic, with 2 things to look at.`, "2 Envoys reject endpoints of svc-11", "Held: most instances", "in 1m0s"} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	if s := h.service(t, "/api/v1/services/shop"); s.ProblemCount != 2 || !strings.Contains(s.Problems[0].Detail, "Envoy odd rejects endpoints of shop.grpc.port: no such host") {
		t.Errorf("what rejects a port of a service: %+v", s.Problems)
	}
}

func TestWhatThereIsNotSaysWhatIsNear(t *testing.T) {
	h := healthy().with(instance("billing", 80), instance("*", 80))
	for path, want := range map[string]string{
		"/services/wbe": `Did you mean <a href="/services/web">web</a>?`, "/services/billling": `<a href="/services/billing">`, "/services/kubernetes": `class="verdict bad" role="status">Legate sees no service kubernetes in Consul.`,
		"/api/v1/services/wbe": "Did you mean web?", "/services/" + strings.Repeat("x", 9000): `<a href="/services">All services</a>`,
	} {
		if w := h.get(t, path); w.Code != 404 || !strings.Contains(w.Body.String(), want) || w.Body.Len() > 4000 {
			t.Errorf("%.30s: %d, want %q in\n%s", path, w.Code, want, w.Body)
		}
	}
	if w := empty().get(t, "/services/web"); w.Code != 503 || !strings.Contains(w.Body.String(), "Not serving yet: waiting for the first answer") {
		t.Errorf("at the start: %d %s", w.Code, w.Body)
	}
	if w := empty().get(t, "/api/v1/services/web"); w.Code != 503 {
		t.Errorf("at the start: %d %s", w.Code, w.Body)
	}
	if w := h.get(t, "/services/web?page=x"); w.Code != 400 || !strings.Contains(w.Body.String(), "page=x: a number from 1 to ") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := h.get(t, "/services/web?sort=x&only=y&q=z"); w.Code != 200 {
		t.Errorf("with parameters of the list: %d %s", w.Code, w.Body)
	}
	if s := h.service(t, "/api/v1/services/*"); s.Served || s.Policy != nil || s.Problems[0].Reason != "name" || !strings.Contains(s.Instances[0].Why, "stands for all names") {
		t.Errorf("of one that is left out: %+v", s)
	}
	if page := h.get(t, "/services/*").Body.String(); !strings.Contains(page, "Not served: ") || strings.Contains(page, "config_dump?name") {
		t.Errorf("of one that is left out: %s", page)
	}
}

// hostile are names that whoever registers a service may choose.
var hostile = []string{
	"<script>alert(1)</script>", `"onload="x`, "a/b?c#d%2e", "a//b", "../../api/v1/status", "..", ".", " ", "%", "left\u202etfel", "c1\u009b31m", "esc\x1b[31m", "a\nb",
	strings.Repeat("long", 60), strings.Repeat("l", 5000), "javascript:alert(1)", "größe", "half\xe2",
}

// Each name is one line of plain text, and the link that it is leads to its page.
func TestAnyNameCanBeShownAndFollowed(t *testing.T) {
	h := healthy()
	for _, name := range hostile {
		s := instance(name, 0)
		s.Instances[0].Node, s.Instances[0].Meta, s.Instances[0].Tags = name, map[string]string{"legate-protocol": name}, []string{name}
		s.Instances[0].Checks = []catalog.Check{{ID: name, Status: "critical"}}
		h = h.with(s)
		h.streams = append(h.streams, rejecting(name, name, name))
	}
	found := map[string]bool{}
	for _, page := range []string{"/", "/services"} {
		for _, m := range regexp.MustCompile(`href="(/services/[^"?]+)"`).FindAllStringSubmatch(h.get(t, page).Body.String(), -1) {
			found[html.UnescapeString(m[1])] = true
		}
	}
	for path := range found {
		for _, path := range []string{path, "/api/v1" + path} {
			w := h.get(t, path)
			if w.Code != 200 {
				t.Errorf("%.80s: %d %s", path, w.Code, w.Body)
			}
			body := w.Body.String()
			if strings.ContainsAny(body, "\u202e\u009b\x1b") || strings.HasPrefix(path, "/services") && (strings.Contains(body, "<script>alert") || strings.Contains(body, `"onload`)) || len(body) > 100_000 {
				t.Errorf("%.80s: %d bytes, not plain:\n%s", path, len(body), body)
			}
		}
	}
	if len(found) < len(hostile)-3 { // not the folders, nor what is too long
		t.Errorf("links lead to %d of %d: %v", len(found), len(hostile), found)
	}
}

func TestAServiceWithManyInstancesHasPages(t *testing.T) {
	many := catalog.Service{Key: catalog.ServiceKey{Datacenter: "dc1", Name: "many"}}
	for n := range 2500 {
		many.Instances = append(many.Instances, catalog.Instance{ID: fmt.Sprintf("many-%04d", n), Node: "n1", Address: fmt.Sprintf("10.1.%d.%d", n/250, n%250), Port: 80 * (n % 2)})
	}
	h := healthy().with(many)
	w := h.get(t, "/services/many?page=2")
	page := w.Body.String()
	if rows := strings.Count(page, "<th scope=\"row\" class=\"node\">many-"); rows != defaultLimit || w.Body.Len() > 200_000 {
		t.Errorf("%d rows, %d bytes", rows, w.Body.Len())
	}
	for _, want := range []string{`<a href="?" rel="prev">`, `<a href="?page=3" rel="next">`, "101–200 of 2500", "many-0200", "Left out: 1250 instances (port)"} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%.3000s", want, page)
		}
	}
	s := h.service(t, "/api/v1/services/many?limit=1000&page=9")
	if s.Page != 3 || s.Pages != 3 || len(s.Instances) != 500 || s.ProblemCount != 1250 || len(s.Problems) != maxServiceProblems {
		t.Errorf("page %d of %d, %d instances, %d of %d problems", s.Page, s.Pages, len(s.Instances), len(s.Problems), s.ProblemCount)
	}
}

func TestAnAnswerThatIsTheSameIsNotSentAgain(t *testing.T) {
	h := healthy()
	h.holds = []discovery.Hold{{Service: "web", Why: "emptied", Since: now, Until: now.Add(time.Minute)}}
	first := h.get(t, "/api/v1/services/web")
	tag := first.Header().Get("ETag")
	ask := func() *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/api/v1/services/web", nil)
		r.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		s := h.server()
		s.now = func() time.Time { return now.Add(5 * time.Second) }
		s.Handler().ServeHTTP(w, r)
		return w
	}
	if w := ask(); tag == "" || w.Code != http.StatusNotModified || w.Body.Len() > 0 {
		t.Errorf("ETag %q: %d %s", tag, w.Code, w.Body)
	}
	h = h.with(instance("web", 81))
	if w := ask(); w.Code != http.StatusOK || w.Header().Get("ETag") == tag {
		t.Errorf("after a change: %d %q", w.Code, w.Header().Get("ETag"))
	}
}

func TestWhenAServiceChangedLastIsKnownFromTheFirstSnapshotOn(t *testing.T) {
	h := healthy()
	if s := h.service(t, "/api/v1/services/web"); !s.Changed.IsZero() {
		t.Errorf("before any change: %v", s.Changed)
	}
	h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Set: []catalog.Service{instance("web", 81)}, Since: now.Add(-2 * time.Second)})
	if s := h.service(t, "/api/v1/services/web"); !s.Changed.Equal(now.Add(-2 * time.Second)) {
		t.Errorf("after a change: %v", s.Changed)
	}
	if page := h.get(t, "/services/web").Body.String(); !strings.Contains(page, "<dd>2 s ago</dd>") {
		t.Error(page)
	}
}

func TestAServicesPageSaysWhenConsulDoesNotAnswer(t *testing.T) {
	h := healthy()
	h.consul.Connected = false
	if page := h.get(t, "/services/web").Body.String(); !strings.Contains(page, "As last known: Consul does not answer as it should.") {
		t.Error(page)
	}
}

// A file that several policies name is one resource. Who rejects it, rejects it for each of these services.
func TestARejectedSecretIsAProblemOfTheServicesThatUseIt(t *testing.T) {
	said, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte("services:\n- match: {names: [web, shop]}\n  tls: {ca: /etc/envoy/ca.pem}\n")}})
	if err != nil {
		t.Fatal(err)
	}
	h := healthy()
	h.state.Resources, _ = h.state.Resources.With(said)
	h = h.with(several(), instance("other", 80))
	secret := ""
	for r := range h.state.Resources.All() {
		if r.Type == translate.SecretType {
			secret = r.Name.Name
		}
	}
	st := rejecting("edge-2", secret, "no such file")
	st.Types[0].Type = translate.SecretType
	h.streams = append(h.streams, st)
	for name, want := range map[string]int{"web": 1, "shop": 2, "other": 0} {
		if s := h.service(t, "/api/v1/services/"+name); s.ProblemCount != want || want > 0 && !strings.Contains(s.Problems[0].Detail, "Envoy edge-2 rejects secrets of "+secret+": no such file") {
			t.Errorf("%s: %+v", name, s.Problems)
		}
	}
	if got := h.services(t, "?sort=-problems").names(); got != "shop web other" {
		t.Errorf("by problems: %s", got)
	}
	if page := h.get(t, "/").Body.String(); !strings.Contains(page, "rejects secrets of "+secret) {
		t.Errorf("want %s as text in\n%s", secret, page)
	}
}

func TestAServiceSaysWhichClientsHaveIt(t *testing.T) {
	h := healthy()
	name := translate.Name{Type: translate.AssignmentType, Name: "web"}
	derived := dc1
	derived.Datacenter = "elsewhere"
	h.sent = []xdsserver.Delivery{
		{View: dc1, Name: name, Changed: now.Add(-3 * time.Second), Streams: 12, Acknowledged: 10, InFlight: 1, Rejected: 1, Missing: []xdsserver.Awaited{
			{Stream: "delta-7", Node: "edge-7", Peer: "10.0.0.7:1", State: xdsserver.Nacked, Since: now.Add(-2 * time.Second), Why: "malformed <b>\u202e" + strings.Repeat("x", 5000)},
			{Stream: "delta-8", Node: "", Peer: "10.0.0.8:1", Identity: "spiffe://a/b", State: xdsserver.Stale, Since: now.Add(-time.Second)},
		}},
		{View: derived, Name: name, Changed: now, Streams: 1, NotSent: 1},
		{View: dc1, Name: translate.Name{Type: translate.AssignmentType, Name: "other"}, Streams: 99},
	}
	s := h.service(t, "/api/v1/services/web")
	if d := s.Deliveries; len(d) != 2 || d[0].Type != "endpoints" || d[0].Acknowledged != 10 || len(d[0].Missing) != 2 || len(d[0].Missing[0].Why) > 4200 || d[1].NotSent != 1 {
		t.Errorf("%+v", d)
	}
	page := h.get(t, "/services/web").Body.String()
	for _, want := range []string{
		`<td class="wide">3 s ago</td><td class="n">12</td><td class="n look">10</td>`, `<td class="n bad">1</td>`, `<a href="/nodes/edge-7">edge-7</a><small>10.0.0.7:1</small>`, `<b class="bad">NACKED</b><small>for 2 s</small>`, "malformed &lt;b&gt;\\u202exxx",
		"(no id)<small>10.0.0.8:1, spiffe://a/b</small>", `<b class="warn">STALE</b><small>for 1 s</small>`, "endpoints<small>envoy@elsewhere</small>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	if strings.Contains(page, ">99<") || strings.Contains(page, "\u202e") {
		t.Error(page)
	}
}

func TestInstancesAreCountedByTheirHealth(t *testing.T) {
	for _, c := range []struct {
		HealthCount
		total int
		down  bool
	}{{HealthCount{}, 0, false}, {HealthCount{1, 2, 4, 8}, 15, false}, {HealthCount{0, 0, 4, 8}, 12, true}, {HealthCount{0, 1, 4, 0}, 5, false}, {HealthCount{1, 0, 4, 0}, 5, false}} {
		if c.Total() != c.total || c.Down() != c.down {
			t.Errorf("%+v: %d, %t", c.HealthCount, c.Total(), c.Down())
		}
	}
}

// Wherever the overview names a service, the name leads to its page.
func TestTheOverviewLeadsToServices(t *testing.T) {
	h := manyReject(2).with(instance("bad", 0), instance("bad-2", 0))
	h.holds = []discovery.Hold{{Service: "held", Why: "emptied"}, {Service: "entered", Entry: "service-defaults/entered", Why: "entry"}}
	h.large = []xdsserver.Oversize{{Type: translate.AssignmentType, Name: "big", Last: now, Count: 1}}
	h.streams[0].Types[0].InVain, h.streams[0].Types[0].InVainCount = []xdsserver.Missing{{Name: "wbe", Why: "no"}}, 1
	page := h.get(t, "/").Body.String()
	for _, name := range []string{"svc-11", "bad", "bad-2", "held", "entered", "big", "wbe"} {
		if want := `<a href="/services/` + name + `">` + name + `</a>`; !strings.Contains(page, want) {
			t.Errorf("want %s in\n%s", want, page)
		}
	}
	for _, want := range []string{`<a href="/services">1</a>`, `<a href="/services?only=problems">2 problems</a>`} {
		if !strings.Contains(page, want) {
			t.Errorf("want %s in\n%s", want, page)
		}
	}
}

func TestOfAnInstanceThatHasVeryMuchSomeIsShown(t *testing.T) {
	s := instance("much", 80)
	i := &s.Instances[0]
	for n := range 100 {
		i.Tags = append(i.Tags, fmt.Sprintf("tag-%03d", n))
		i.Checks = append(i.Checks, catalog.Check{ID: fmt.Sprintf("check-%03d", n), Status: "critical"})
	}
	i.Health = catalog.Critical
	got := healthy().with(s).service(t, "/api/v1/services/much").Instances[0]
	if len(got.Tags) != maxParts || got.Tags[19] != "tag-019" || len(got.Checks) != maxParts || got.Checks[19].ID != "check-019" {
		t.Errorf("%d tags, %d checks: %+v", len(got.Tags), len(got.Checks), got)
	}
	if want := "check check-000 is critical, check check-001 is critical, check check-002 is critical, 97 more checks do not pass"; got.Why != want {
		t.Errorf("why: %s, want %s", got.Why, want)
	}
}
