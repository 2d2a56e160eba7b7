package admin

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/internal/bridge"
	"legate/internal/lastknown"
	"legate/translate"
	"legate/xdsserver"
)

// rejecting is a stream whose client rejects one assignment.
func rejecting(node, resource, why string) xdsserver.StreamStatus {
	st := stream(node, xdsserver.Nacked, why)
	st.ID = "delta-" + node
	st.Types[0].Type = translate.AssignmentType
	st.Types[0].Rejected = map[string]string{resource: why}
	return st
}

func TestARejectedSecretIsNoService(t *testing.T) {
	h := healthy()
	for _, node := range []string{"edge-1", "edge-2"} {
		st := rejecting(node, "ca:/etc/envoy/ca.pem", "Invalid path: /etc/envoy/ca.pem")
		st.Types[0].Type = translate.SecretType
		h.streams = append(h.streams, st)
	}
	page := h.get(t, "/").Body.String()
	for _, want := range []string{"2 Envoys reject secrets of ca:/etc/envoy/ca.pem", "Invalid path", "correct the paths in the policy"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page, "services/ca:") || strings.Contains(page, "Change the service") {
		t.Error("the page takes a secret for a service")
	}
}

// An Envoy takes no priorities for its local cluster: that is a matter of the policy, and not of the service.
func TestPrioritiesOfALocalClusterAreAMatterOfThePolicy(t *testing.T) {
	h := healthy()
	for _, node := range []string{"edge-1", "edge-2"} {
		h.streams = append(h.streams, rejecting(node, "front", "Unexpected non-zero priority for local cluster 'front'."))
	}
	page := unlinked(h.get(t, "/").Body.String())
	for _, want := range []string{"2 Envoys reject endpoints of front", "failover: none and prefer: none"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page, "Correct what they name in the registration") {
		t.Error("the page takes it for a mistake of the registration")
	}
}

// manyReject is a house in which that many Envoys reject svc-11.
func manyReject(n int) *house {
	h := healthy()
	for i := range n {
		h.streams = append(h.streams, rejecting(fmt.Sprintf("edge-%03d", i+100), "svc-11", "malformed IP address: 10.0.0.1.9"))
	}
	return h
}

func boxes(page string) int {
	return strings.Count(page, `<li class="critical"`) + strings.Count(page, `<li class="warning"`)
}

func TestWhatManyEnvoysRejectIsOneBox(t *testing.T) {
	h := manyReject(60)
	h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Set: []catalog.Service{instance("bad", 0)}})
	h.streams = append(h.streams, rejecting("odd", "svc-11", "another reason"), rejecting("odd-2", "svc-12", "no such host"))
	page := unlinked(h.get(t, "/").Body.String())
	for _, want := range []string{
		"61 Envoys reject endpoints of svc-11", "malformed IP address: 10.0.0.1.9", "Envoy odd-2 rejects endpoints of svc-12",
		"<summary>61 nodes</summary>", "<li>edge-100</li>", "<li>edge-159</li>", "<li>odd: another reason</li>", "Left out: bad, instance n1/bad-1",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	if n := boxes(page); n != 3 {
		t.Errorf("%d boxes, want 3: two resources that are rejected, and what is left out", n)
	}
}

func TestWhatIsKeptBackIsOneBoxWithThoseWhoRejectIt(t *testing.T) {
	h := manyReject(3)
	h.views[0].Quarantined = []xdsserver.Quarantine{{Type: translate.AssignmentType, Name: "svc-11", Nodes: []string{"edge-100", "gone"}, Reason: "malformed", Since: now}}
	page := unlinked(h.get(t, "/").Body.String())
	for _, want := range []string{"Accepted by none: endpoints of svc-11, which 4 Envoys reject", "<summary>4 nodes</summary>", "<li>gone: malformed</li>", "a new Envoy has nothing"} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	if n := boxes(page); n != 1 {
		t.Errorf("%d boxes, want 1", n)
	}
}

func TestWhatIsNotSearchedThroughYetIsOneBoxToo(t *testing.T) {
	h := healthy()
	for i := range 20 {
		h.streams = append(h.streams, stream(fmt.Sprint("edge-", i+2), xdsserver.Nacked, "malformed"))
	}
	page := h.get(t, "/").Body.String()
	if !strings.Contains(page, "20 Envoys reject clusters") || boxes(page) != 1 {
		t.Errorf("%d boxes in\n%s", boxes(page), page)
	}
}

func TestWhatIsLeftOutForOneReasonIsOneBox(t *testing.T) {
	h := healthy()
	for i := range 30 {
		h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Set: []catalog.Service{instance(fmt.Sprintf("bad-%02d", i), 0)}})
	}
	page := unlinked(h.get(t, "/").Body.String())
	for _, want := range []string{"Left out: 30 instances (port)", "<summary>30 left out</summary>", "bad-00, instance n1/bad-00-1: "} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	if n := boxes(page); n != 1 {
		t.Errorf("%d boxes, want 1", n)
	}
}

func TestAServiceThatLacksOnlyAPartOfItsPolicyIsNotCalledLeftOut(t *testing.T) {
	h := healthy()
	web := instance("web", 80)
	web.Instances[0].Meta = map[string]string{"legate-protocol": "grcp"}
	h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Set: []catalog.Service{web}})
	if page := unlinked(h.get(t, "/").Body.String()); !strings.Contains(page, "Served without a part of the policy: web<") || strings.Contains(page, "Left out: web") {
		t.Error(page)
	}
}

func TestALongListIsCutAndSaysWhereTheRestIs(t *testing.T) {
	page := manyReject(maxEach+100).get(t, "/").Body.String()
	if !strings.Contains(page, `and 100 more: <a href="/api/v1/status">`) {
		t.Errorf("%s", page)
	}
}

func TestWhatIsGraveComesFirst(t *testing.T) {
	h := healthy()
	h.consul.Problems = []catalog.Problem{
		{Kind: "filtered", Detail: "results are filtered"},
		{Kind: "mass_critical", Detail: "36 of 38 instances turned critical"},
	}
	h.streams = append(h.streams, rejecting("edge-2", "svc-11", "malformed"))
	page := h.get(t, "/").Body.String()
	at := func(what string) int {
		i := strings.Index(page, what)
		if i < 0 {
			t.Fatalf("no %q in\n%s", what, page)
		}
		return i
	}
	if mass, reject, filtered := at("Consul: mass critical"), at("edge-2 rejects"), at("Consul: filtered"); mass > filtered || reject > filtered {
		t.Errorf("mass critical at %d, rejection at %d, filtered at %d", mass, reject, filtered)
	}
	if !strings.Contains(page, `class="verdict bad"`) {
		t.Errorf("the verdict is not the gravest: %s", page)
	}
}

// troubles sets up the trouble of each alert, by the name of the alert.
var troubles = map[string]func(*house){
	"LegateNotReady":   func(h *house) { *h = *empty() },
	"LegateConsulAway": func(h *house) { h.consul.Connected, h.consul.LastSuccess = false, now.Add(-5*time.Minute) },
	"LegateServesStale": func(h *house) {
		h.known = lastknown.Status{File: "/state/file", Stale: true, Believed: now.Add(-time.Hour)}
	},
	"LegateDatacenterNotHeard": func(h *house) {
		h.state.Since = now.Add(-time.Hour)
		h.consul.Sites = []discovery.SiteStatus{{Stale: true, Status: discovery.Status{Datacenter: "dc2", LastSuccess: now.Add(-5 * time.Minute)}}}
	},
	"LegateConsulQueriesFail": func(h *house) { h.consul.Problems = []catalog.Problem{{Kind: "denied", Detail: "no"}} },
	"LegateClientRejects":     func(h *house) { h.streams = append(h.streams, rejecting("edge-2", "web", "no")) },
	"LegateQuarantines": func(h *house) {
		h.views[0].Quarantined = []xdsserver.Quarantine{{Type: translate.AssignmentType, Name: "web", Nodes: []string{"a", "b"}}}
	},
	"LegateLeavesOut": func(h *house) {
		h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Set: []catalog.Service{instance("bad", 0)}})
	},
	"LegateClientsWithoutEndpoints": func(h *house) {
		h.lost = []xdsserver.Unfollowed{{Node: "edge-2", Way: "rest", Since: now.Add(-time.Hour), Remedy: "use ADS"}}
	},
	"LegateNamesInVain": func(h *house) {
		h.streams[0].Types[0].InVain, h.streams[0].Types[0].InVainCount = []xdsserver.Missing{{Name: "wbe", Why: "no"}}, 1
	},
	"LegateHostNamesStale":  func(h *house) { h.own = []Trouble{{Kind: "dns", Detail: "db.example"}} },
	"LegateHoldsDatacenter": func(h *house) { h.consul.Problems = []catalog.Problem{{Kind: "held_datacenter", Queries: 40}} },
	"LegateHolds":           func(h *house) { h.consul.Problems = []catalog.Problem{{Kind: "held_shrunk"}} },
	"LegateMassCritical":    func(h *house) { h.consul.Problems = []catalog.Problem{{Kind: "mass_critical"}} },
	"LegateNoStreams":       func(h *house) { h.streams, h.left = nil, now.Add(-10*time.Minute) },
	"LegateSlow":            func(h *house) { h.slow = 3 * time.Second },
	"LegateCertificateEnds": func(h *house) { h.own = []Trouble{{Kind: "certificate", Detail: "it ends"}} },
	"LegateConfigRejected":  func(h *house) { h.own = []Trouble{{Kind: "configuration", Detail: "legate.yaml:3"}} },
	"LegateNotRegistered":   func(h *house) { h.own = []Trouble{{Kind: "registration", Detail: "permission denied"}} },
	"LegatePolicyWaits": func(h *house) {
		h.state.Rollout = bridge.Rollout{Since: now.Add(-time.Hour), Changed: 1, Waiting: 99, Paused: now.Add(-time.Hour),
			Rejected: []xdsserver.Rejected{{Name: translate.Name{Type: translate.ClusterType, Name: "web"}, Node: "edge-2", Client: "10.0.0.2", Reason: "no such suite"}}, Against: 2, For: 1, GoesOn: bridge.RolloutRemedy}
	},
	"LegateKeepsNothing": func(h *house) { h.known = lastknown.Status{Unwritten: "no space left on device"} },
}

// unseen are alerts without a concern: their trouble lies in the past or in another program, or a
// page that answers cannot have it.
var unseen = []string{"LegateDown", "LegateRestarts", "LegateClientStale"}

func TestTheVerdictIsAsGraveAsTheAlert(t *testing.T) {
	rules, err := os.ReadFile("../../examples/grafana/legate.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	moods := map[string]string{"critical": "bad", "warning": "warn"}
	for _, m := range regexp.MustCompile(`(?s)- alert: (\w+)\n.*?severity: (\w+)\n`).FindAllStringSubmatch(string(rules), -1) {
		alert, severity := m[1], m[2]
		trouble, known := troubles[alert]
		if !known {
			if !strings.Contains(strings.Join(unseen, " "), alert) {
				t.Errorf("the page is not asked about %s: add its trouble here", alert)
			}
			continue
		}
		h := healthy()
		trouble(h)
		page := h.get(t, "/").Body.String()
		if want := `class="verdict ` + moods[severity] + `"`; !strings.Contains(page, want) {
			t.Errorf("%s is %s, and the page has no %s:\n%s", alert, severity, want, page)
		}
		if severity == "critical" && alert != "LegateNotReady" && !strings.Contains(page, `<li class="critical"`) {
			t.Errorf("%s: no box is critical", alert)
		}
	}
}

// Troubles of Legate itself are on the page, in the status and in the text of /readyz, which stays
// ready.
func TestWhatIsNotWellWithLegateItselfIsSaidEverywhere(t *testing.T) {
	for name, c := range map[string]struct {
		make func(*house)
		want string
	}{
		"configuration": {func(h *house) {
			h.own = []Trouble{{Kind: "configuration", Detail: "the file is rejected: legate.yaml:3", Remedy: "correct it"}}
		}, "the file is rejected: legate.yaml:3"},
		"clients": {func(h *house) { h.streams, h.left = nil, now.Add(-10*time.Minute) }, "no client is connected since 2026-11-22T02:50:00Z"},
		"slow":    {func(h *house) { h.slow = 3 * time.Second }, "a change took 3s"},
	} {
		h := healthy()
		c.make(h)
		for _, path := range []string{"/", "/readyz", "/api/v1/status"} {
			if w := h.get(t, path); w.Code != 200 || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("%s: %s: %d, want %q in\n%s", name, path, w.Code, c.want, w.Body)
			}
		}
	}
	h := healthy()
	h.streams, h.left = nil, now.Add(-2*time.Hour)
	if w := h.get(t, "/readyz"); w.Body.String() != "ready\n" {
		t.Errorf("long after the last stream: %s", w.Body)
	}
}

func TestAPolicyThatGoesOutNoFurtherIsNamedWithItsRemedy(t *testing.T) {
	h := healthy()
	troubles["LegatePolicyWaits"](h)
	page := unlinked(h.get(t, "/").Body.String())
	for _, want := range []string{"1 of 100 clusters have it", "clusters of web, by edge-2 at 10.0.0.2: no such suite", "(2) than take it (1)", "correct the policy", "waits after 1 of 100 clusters"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q:\n%s", want, page)
		}
	}
	var s Status
	if err := json.Unmarshal(h.get(t, "/api/v1/status").Body.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	if r := s.Rollout; r == nil || r.Waiting != 99 || len(r.Rejected) != 1 || r.Rejected[0].Name != "web" || r.Remedy == "" {
		t.Errorf("the API says %+v", r)
	}
}
