package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/discovery/resolve"
	"legate/internal/bridge"
	"legate/internal/changes"
	"legate/internal/lastknown"
	"legate/internal/listen"
	"legate/metrics"
	"legate/translate"
	"legate/xdsserver"
	"legate/xdsserver/admission"
)

// house is a set of rooms whose state the test sets.
type house struct {
	consul  discovery.Status
	holds   []discovery.Hold
	asked   discovery.Asked
	hosts   *resolve.Status // nil: no names are resolved
	state   bridge.State
	streams []xdsserver.StreamStatus
	views   []xdsserver.ViewStatus
	refused []listen.Refused
	large   []xdsserver.Oversize
	sent    []xdsserver.Delivery
	polls   []xdsserver.Poller
	reach   map[string]xdsserver.Reach
	arrived []xdsserver.Arrival // of all publications
	lost    []xdsserver.Unfollowed
	stand   []xdsserver.Standing // of all nodes
	dump    map[xdsserver.View][]translate.Resource
	known   lastknown.Status
	stops   bool
	left    time.Time
	own     []Trouble
	slow    time.Duration
	record  *changes.Record // nil: changes are not recorded

	unfollowed func(name string) bool
}

// shelf is the last known catalog of the house.
type shelf struct{ *house }

func (s shelf) Status() lastknown.Status { return s.known }

func (h *house) Status() discovery.Status           { return h.consul }
func (h *house) Holds() []discovery.Hold            { return h.holds }
func (h *house) Asked() discovery.Asked             { return h.asked }
func (h *house) State() bridge.State                { return h.state }
func (h *house) Streams() []xdsserver.StreamStatus  { return h.streams }
func (h *house) Pollers() []xdsserver.Poller        { return h.polls }
func (h *house) Refused() []listen.Refused          { return h.refused }
func (h *house) Left() time.Time                    { return h.left }
func (h *house) Oversized() []xdsserver.Oversize    { return h.large }
func (h *house) Unfollowed() []xdsserver.Unfollowed { return h.lost }
func (h *house) Deliveries(names []translate.Name, most int) (all []xdsserver.Delivery) {
	for _, d := range h.sent {
		if slices.Contains(names, d.Name) {
			d.Missing = slices.Clone(d.Missing[:min(len(d.Missing), most)])
			all = append(all, d)
		}
	}
	return all
}
func (h *house) Standings(q xdsserver.StandingsQuery) xdsserver.Standings {
	out := xdsserver.Standings{States: map[State]int{}}
	for _, is := range h.stand {
		if strings.Contains(strings.ToLower(is.Name), strings.ToLower(q.Part)) {
			out.States[is.State]++
			out.Rows = append(out.Rows, is)
		}
	}
	out.Total = len(out.Rows)
	from := max(0, min(q.Page-1, (out.Total-1)/q.Limit)) * q.Limit
	out.Rows = out.Rows[from:min(from+q.Limit, out.Total)]
	return out
}
func (h *house) Arrivals(all []xdsserver.Publication, most int) [][]xdsserver.Arrival {
	out := make([][]xdsserver.Arrival, len(all))
	for n, p := range all {
		for _, a := range h.arrived {
			if slices.Contains(p.Names, a.Name) {
				a.Missing = slices.Clone(a.Missing[:min(len(a.Missing), most)])
				out[n] = append(out[n], a)
			}
		}
	}
	return out
}
func (h *house) Reach() map[string]xdsserver.Reach { return h.reach }
func (h *house) Views() []xdsserver.ViewStatus     { return h.views }
func (h *house) Memory() admission.Memory          { return admission.Memory{Budget: 512 << 20, Held: 3 << 20} }
func (h *house) Dump(v xdsserver.View) ([]translate.Resource, bool) {
	r, ok := h.dump[v]
	return r, ok
}

var (
	now    = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	dc1    = xdsserver.View{Datacenter: "dc1", Kind: xdsserver.Envoy}
	dc2    = xdsserver.View{Datacenter: "dc2", Kind: xdsserver.Envoy}
	remedy = "check that Consul runs"
)

// empty is a house at the start, before Consul has answered.
func empty() *house {
	return &house{consul: discovery.Status{Address: "http://127.0.0.1:8500"}, state: bridge.State{Since: now.Add(-time.Minute)}}
}

// healthy is a house that serves one service to one Envoy.
func healthy() *house {
	h := empty()
	h.consul = discovery.Status{
		Address: "http://127.0.0.1:8500", Datacenter: "dc1", Connected: true, LastSuccess: now.Add(-2 * time.Second),
		Complete: true, Services: 1, Instances: map[string]int{"passing": 1}, Index: 42, Direct: 1, Connections: 2, MaxConnections: 100,
	}
	config := translate.DefaultConfig()
	config.Datacenter = "dc1"
	h.state.Complete, h.state.Changed, h.state.View = now.Add(-50*time.Second), now.Add(-5*time.Second), dc1
	h.state.Resources, _ = translate.New(config).Apply(catalog.Delta{Set: []catalog.Service{instance("web", 80)}})
	for r := range h.state.Resources.All() {
		h.dump = map[xdsserver.View][]translate.Resource{dc1: append(h.dump[dc1], r)}
	}
	h.views = []xdsserver.ViewStatus{{View: dc1, Published: now, Streams: 1, Resources: map[string]int{translate.ClusterType: 1, translate.AssignmentType: 1}}}
	h.streams = []xdsserver.StreamStatus{stream("edge-1", xdsserver.Synced, "")}
	return h
}

func instance(name string, port int) catalog.Service {
	return catalog.Service{
		Key:       catalog.ServiceKey{Datacenter: "dc1", Name: name},
		Instances: []catalog.Instance{{ID: name + "-1", Node: "n1", Address: "10.0.0.1", Port: port, Weights: catalog.Weights{Passing: 1, Warning: 1}}},
	}
}

func stream(node string, state xdsserver.State, rejection string) xdsserver.StreamStatus {
	return xdsserver.StreamStatus{
		ID: "delta-1", Protocol: "delta", Peer: "127.0.0.1:5", Node: node, Opened: now.Add(-time.Minute),
		Types: []xdsserver.TypeStatus{{Type: translate.ClusterType, State: state, Responses: 3, Acks: 2, Nacks: 1, LastSent: now, LastAck: now, Rejection: rejection}},
	}
}

func (h *house) server() *Server {
	s, err := New(DefaultConfig(), Rooms{
		Unfollowed: h.unfollowed,
		Build:      metrics.BuildInfo{Version: "v1.2.3", GoVersion: "go1.26"}, Consul: h, Bridge: h, XDS: h,
		Metrics:   metrics.New(metrics.BuildInfo{Version: "v1.2.3"}).Handler(),
		LastKnown: shelf{h}, Stopping: func() bool { return h.stops },
		Own: func() []Trouble { return h.own }, Slowest: func() (time.Duration, time.Time) { return h.slow, now },
	}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		panic(err) // no file is read that could be missing
	}
	s.now = func() time.Time { return now }
	if h.hosts != nil {
		s.rooms.HostNames = func() resolve.Status { return *h.hosts }
	}
	if h.record != nil {
		s.rooms.Changes = h.record
	}
	return s
}

func (h *house) get(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.server().Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil))
	return w
}

var links = regexp.MustCompile(`</?a[^>]*>`)

// unlinked is a page without its links: what they name is a part of sentences.
func unlinked(page string) string { return links.ReplaceAllString(page, "") }

func TestReadyzSaysInWordsWhyNot(t *testing.T) {
	h := empty()
	said := func(code int, want string) {
		t.Helper()
		if w := h.get(t, "/readyz"); w.Code != code || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d %s, want %d %s", w.Code, w.Body, code, want)
		}
	}
	said(503, "waiting for the first answer of consul at http://127.0.0.1:8500")
	h.consul.FirstSync = discovery.Progress{Done: 12, Total: 30}
	said(503, "12 of 30 services so far")
	h.consul.Problems = []catalog.Problem{{Kind: "unreachable", Detail: "connection refused", Remedy: remedy}}
	said(503, "connection refused: "+remedy)
	h = healthy()
	said(200, "ready")
	h.consul.Connected, h.consul.Problems = false, []catalog.Problem{{Kind: "unreachable", Detail: "gone"}}
	said(200, "ready") // the last known catalog stays served
	h.stops = true
	said(503, "told to stop")
}

func TestACatalogFromDiskIsReadyWithAReasonAndNotForever(t *testing.T) {
	h := healthy()
	h.consul = empty().consul
	h.consul.Problems = []catalog.Problem{{Kind: "unreachable", Detail: "connection refused", Remedy: remedy}}
	h.known = lastknown.Status{File: "/state/file", Stale: true, Believed: now.Add(-time.Hour)}
	if w := h.get(t, "/readyz"); w.Code != 200 || !strings.HasPrefix(w.Body.String(), "ready, stale: ") ||
		!strings.Contains(w.Body.String(), "1h0m0s ago") || !strings.Contains(w.Body.String(), "connection refused: "+remedy) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := h.get(t, "/"); !strings.Contains(w.Body.String(), "Serving the last known catalog, 1 h 0 min old") {
		t.Errorf("the page does not say so: %s", w.Body)
	}
	if w := h.get(t, "/api/v1/status"); !strings.Contains(w.Body.String(), `"stale": "serving the last known catalog`) {
		t.Errorf("the status does not say so: %s", w.Body)
	}
	h.known.Expired = true
	if w := h.get(t, "/readyz"); w.Code != 503 || !strings.Contains(w.Body.String(), "--last-known-max-age") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAFileThatCannotBeWrittenIsSomethingToLookAt(t *testing.T) {
	h := healthy()
	h.known = lastknown.Status{File: "/state/file", Unwritten: "no space left on device: make room"}
	if w := h.get(t, "/"); !strings.Contains(w.Body.String(), "/state/file no space left on device: make room") {
		t.Errorf("%s", w.Body)
	}
}

func TestAFileThatOthersCanChangeIsSomethingToLookAt(t *testing.T) {
	h := healthy()
	h.known = lastknown.Status{File: "/state/file", Exposed: "everybody can write to its folder: chmod o-w /state"}
	if w := h.get(t, "/"); !strings.Contains(w.Body.String(), "/state/file everybody can write to its folder: chmod o-w /state") {
		t.Errorf("%s", w.Body)
	}
}

func TestACatalogFromDiskThatIsDatedAheadIsCalledSo(t *testing.T) {
	h := healthy()
	h.consul = empty().consul
	h.known = lastknown.Status{File: "/state/file", Stale: true, Believed: now.Add(22 * time.Hour)}
	if w := h.get(t, "/"); !strings.Contains(w.Body.String(), "Serving the last known catalog, dated 22 h 0 min ahead of this machine&#39;s clock, to ") {
		t.Errorf("%s", w.Body)
	}
	if w := h.get(t, "/readyz"); !strings.Contains(w.Body.String(), "dated 22h0m0s ahead of this machine's clock") {
		t.Errorf("%s", w.Body)
	}
}

func TestHealthzAndMetricsAnswerFromTheStart(t *testing.T) {
	h := empty()
	if w := h.get(t, "/healthz"); w.Code != 200 || w.Body.String() != "ok\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := h.get(t, "/metrics"); w.Code != 200 || !strings.Contains(w.Body.String(), `legate_build_info{goversion="",revision="",version="v1.2.3"} 1`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestStatusHoldsConsulViewsStreamsAndProblems(t *testing.T) {
	h := healthy()
	h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Set: []catalog.Service{instance("bad", 0)}})
	w := h.get(t, "/api/v1/status")
	var s Status
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%v %v\n%s", err, w.Header(), w.Body)
	}
	if !s.Ready || s.Version != "v1.2.3" || s.Uptime != 60 || s.Consul.Index != 42 || len(s.Views) != 1 || len(s.Streams) != 1 ||
		len(s.Problems) != 1 || s.Problems[0].Service != "bad.dc1" || s.Problems[0].Remedy == "" {
		t.Errorf("%+v", s)
	}
	for _, want := range []string{`"views": []`, `"streams": []`, `"problems": []`, `"ready": false`, `"not_ready": "waiting`} {
		if w := empty().get(t, "/api/v1/status"); !strings.Contains(w.Body.String(), want) {
			t.Errorf("at the start: want %s in\n%s", want, w.Body)
		}
	}
}

func TestConfigDumpShowsTheResourcesOfAView(t *testing.T) {
	type dump struct {
		View      string
		Resources []struct {
			Type, Name, Version string
			Resource            map[string]any
		}
	}
	h := healthy()
	for _, path := range []string{"/debug/config_dump", "/debug/config_dump?view=envoy@dc1", "/debug/config_dump?name=web"} {
		w := h.get(t, path)
		var d dump
		if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil || d.View != "envoy@dc1" || len(d.Resources) != 2 ||
			d.Resources[0].Type != translate.ClusterType || d.Resources[0].Resource["name"] != "web" || d.Resources[0].Version == "" {
			t.Errorf("%s: %v %+v\n%s", path, err, d, w.Body)
		}
	}
	var none dump
	if w := h.get(t, "/debug/config_dump?name=other"); json.Unmarshal(w.Body.Bytes(), &none) != nil || len(none.Resources) != 0 {
		t.Errorf("of an unknown name: %s", w.Body)
	}
	if w := h.get(t, "/debug/config_dump?view=nobody"); w.Code != 404 || !strings.Contains(w.Body.String(), "which view? envoy@dc1") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	h.views = append(h.views, xdsserver.ViewStatus{View: dc2})
	if w := h.get(t, "/debug/config_dump"); w.Code != 404 || !strings.Contains(w.Body.String(), "envoy@dc1, envoy@dc2") {
		t.Errorf("of one among several: %d %s", w.Code, w.Body)
	}
	if w := empty().get(t, "/debug/config_dump"); w.Code != 503 || !strings.Contains(w.Body.String(), "nothing is served yet") {
		t.Errorf("at the start: %d %s", w.Code, w.Body)
	}
}

func TestThePageSaysFirstWhetherAllIsWell(t *testing.T) {
	for _, c := range []struct {
		name  string
		make  func() *house
		wants []string
	}{
		{"at the start", empty, []string{`class="verdict bad"`, "Not serving yet: waiting for the first answer of consul", "No Envoy is connected"}},
		{"all is well", healthy, []string{`class="verdict good"`, "Serving 1 service of dc1 to 1 stream.", "edge-1", "SYNCED", "1 min 0 s"}},
		{"consul is away", func() *house {
			h := healthy()
			h.consul.Connected = false
			h.consul.Problems = []catalog.Problem{{Kind: "unreachable", Queries: 3, Detail: "connection refused", Remedy: remedy}}
			return h
		}, []string{`class="verdict warn"`, "as last known: Consul does not answer", "Consul: unreachable (3 queries)", remedy}},
		{"an Envoy rejects", func() *house {
			h := healthy()
			h.streams = append(h.streams, stream("edge-2", xdsserver.Nacked, "malformed IP address"))
			return h
		}, []string{`class="verdict bad"`, "with 1 thing to look at", "edge-2 rejects clusters", "malformed IP address", "NACKED"}},
		{"clients are refused", func() *house {
			h := healthy()
			h.refused = []listen.Refused{
				{Limit: "streams_per_node", Count: 3, Last: now.Add(-5 * time.Second), From: "10.0.0.7:99", Detail: "500 are open", Remedy: "raise it"},
				{Limit: "names", Count: 1, Last: now.Add(-time.Hour), From: "10.0.0.8:99"},
			}
			return h
		}, []string{`with 1 thing to look at`, "Clients were refused: streams per node", "3 times so far, the last 5 s ago from 10.0.0.7:99: 500 are open", "raise it"}},
		{"a loss is held", func() *house {
			h := healthy()
			h.holds = []discovery.Hold{{Service: "api", Why: "emptied", Kept: 3, Served: 3, Since: now.Add(-10 * time.Second), Until: now.Add(50 * time.Second)}}
			h.consul.Problems = []catalog.Problem{{Kind: "held_emptied", Services: 2, Detail: "gone", Remedy: "wait"}}
			return h
		}, []string{"Held: the last instances (2 services)", ">api</th>", "3 of 3", "10 s ago", "in 50s, at 03:00:50<"}},
		{"a loss is held, and Consul cannot be asked", func() *house {
			h := healthy()
			h.holds = []discovery.Hold{{Service: "api", Why: "shrunk", Kept: 3, Served: 4, Since: now.Add(-time.Hour)}}
			return h
		}, []string{"when Consul confirms it<"}},
		{"Consul answers 403", func() *house {
			h := healthy()
			h.consul.Connected, h.consul.Problems = false, []catalog.Problem{{Kind: "denied", Detail: "403", Remedy: remedy}}
			return h
		}, []string{"answers, and refuses<"}},
		{"a start without Consul", func() *house {
			h := healthy()
			h.consul = discovery.Status{Address: "http://127.0.0.1:8500", Problems: []catalog.Problem{{Kind: "unreachable", Detail: "refused"}}}
			h.known = lastknown.Status{Stale: true, Believed: now.Add(-time.Hour), Services: 13}
			return h
		}, []string{"13 from disk, as last known; not read yet<", "does not answer<"}},
		{"something is left out", func() *house {
			h := healthy()
			h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Set: []catalog.Service{instance("bad", 0)}})
			return h
		}, []string{"Left out: bad, instance n1/bad-1", "register the instance"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := c.make().get(t, "/")
			for _, want := range c.wants {
				if w.Code != 200 || !strings.Contains(unlinked(w.Body.String()), want) {
					t.Errorf("want %q in\n%s", want, w.Body)
				}
			}
		})
	}
}

func TestWhoIsInTroubleComesFirstAndThePageStaysShort(t *testing.T) {
	h := healthy()
	h.streams = nil
	for i := range 1000 {
		h.streams = append(h.streams, stream(fmt.Sprintf("fine-%d", i), xdsserver.Synced, ""))
	}
	h.streams = append(h.streams, stream("sick", xdsserver.Nacked, "no"))
	page := unlinked(h.get(t, "/").Body.String())
	if first, second := strings.Index(page, ">sick</th>"), strings.Index(page, ">fine-0</th>"); first < 0 || second < first {
		t.Errorf("the sick one is at %d, the first fine one at %d", first, second)
	}
	if !strings.Contains(page, "and 801 more") || strings.Count(page, "<tbody") != maxStreamRows {
		t.Errorf("%d rows", strings.Count(page, "<tbody"))
	}
}

func TestWhatClientsSayIsNotMarkup(t *testing.T) {
	h := healthy()
	h.streams = []xdsserver.StreamStatus{stream("<script>alert(1)</script>", xdsserver.Nacked, "<img src=x>")}
	w := h.get(t, "/")
	if page := w.Body.String(); strings.Contains(page, "<script>") || strings.Contains(page, "<img") {
		t.Error(page)
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("policy %q", csp)
	}
	if style := h.get(t, "/style.css"); style.Code != 200 || !strings.HasPrefix(style.Header().Get("Content-Type"), "text/css") {
		t.Errorf("style: %d %v", style.Code, style.Header())
	}
}

func TestNothingCanBeChanged(t *testing.T) {
	h := healthy().server().Handler()
	for _, path := range []string{"/", "/metrics", "/healthz", "/readyz", "/api/v1/status", "/debug/config_dump", "/services", "/services/web", "/consul", "/api/v1/consul", "/api/v1/services", "/api/v1/services/web"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, "http://localhost"+path, strings.NewReader("x")))
			if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d", method, path, w.Code)
			}
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/nothing", nil))
	if w.Code != 404 {
		t.Errorf("unknown path: %d", w.Code)
	}
}

func TestRunEndsWithItsContextAlthoughAConnectionIsOpen(t *testing.T) {
	defer goleak.VerifyNone(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- healthy().server().Run(ctx, l) }()
	idle, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if _, err := fmt.Fprint(idle, "GET /healthz HTTP/1.1\r\n"); err != nil { // the rest never comes
		t.Fatal(err)
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(stopTime + 3*time.Second):
		t.Fatal("it does not end")
	}
}

func TestRunReportsAListenerThatFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := empty().server().Run(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestTimeIsSaidAsPeopleSayIt(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "under 1 s", 5 * time.Second: "5 s", 90 * time.Second: "1 min 30 s", 3*time.Hour + time.Minute: "3 h 1 min", 49 * time.Hour: "2 d 1 h",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}
