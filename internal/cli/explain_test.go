package cli

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/internal/admin"
	"legate/translate/policy"
	"legate/xdsserver"
)

// explaining is a Legate that has these services, in pages of two instances, and answers as it does for others.
func explaining(t *testing.T, consul discovery.Status, services ...admin.Service) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/status", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(admin.Status{Now: statusNow, Consul: consul})
	})
	mux.HandleFunc("/api/v1/changes", func(w http.ResponseWriter, r *http.Request) {
		out := admin.Changes{Changes: []admin.Changed{}}
		if r.URL.Query().Get("service") == "web" {
			for _, c := range []int{1, 0} { // the newest first
				out.Changes = append(out.Changes, admin.Changed{Change: remembered()[c]})
			}
		}
		_ = json.NewEncoder(w).Encode(out)
	})
	mux.HandleFunc("/api/v1/services/{name}", func(w http.ResponseWriter, r *http.Request) {
		for _, s := range services {
			if s.Name == r.PathValue("name") {
				if node := r.URL.Query().Get("node"); node != "" {
					s.SeenFrom = &admin.SeenFrom{Node: node, Says: "it stands in eu"}
				}
				all := s.Instances
				s.Paging = admin.Paging{Total: len(all), Page: 1, Pages: max(1, (len(all)+1)/2), Limit: 2}
				if s.Page = 1; r.URL.Query().Get("page") != "1" {
					s.Page = 2
				}
				s.Instances = all[(s.Page-1)*2 : min(len(all), s.Page*2)]
				_ = json.NewEncoder(w).Encode(s)
				return
			}
		}
		http.Error(w, "Legate sees no service here. Did you mean web?", http.StatusNotFound)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func serving(id, address string) admin.Instance {
	return admin.Instance{Node: "n1", ID: id, Address: address, Health: "passing", Weights: admin.Weights{Passing: 3, Warning: 1}, Index: 17, State: admin.Serving,
		Endpoints: []admin.Endpoint{{Address: address, Health: "HEALTHY", Weight: 3, Region: "eu", Zone: "b"}}}
}

func service(name string, instances ...admin.Instance) admin.Service {
	s := admin.Service{ServiceSummary: admin.ServiceSummary{Name: name, Served: true}, Service: name, Instances: instances,
		Policy: &policy.Explanation{Fields: []policy.ExplainedField{{Field: "connect_timeout", Value: json.RawMessage(`"5s"`), Source: "defaults policy.yaml:1"}}}}
	for _, i := range instances {
		if i.State == admin.Serving {
			s.Serving++
		}
	}
	s.Total = len(instances)
	return s
}

// TestExplainTellsOfPrioritiesForANode asks for them on each page.
func TestExplainTellsOfPrioritiesForANode(t *testing.T) {
	near, far := serving("web-1", "10.0.0.7:80"), serving("web-2", "10.0.0.8:80")
	far.Endpoints[0].Priority = 1
	at := explaining(t, discovery.Status{Connected: true}, service("web", near, near, far))
	r := legate(t, nil, "explain", "web", "--node", "edge-1", "--admin-addr", at)
	for _, want := range []string{"instances\n  with the priorities for edge-1: it stands in eu\n", "weight 3, priority 1, region eu, zone b\n"} {
		if r.code != 0 || !strings.Contains(r.out, want) {
			t.Errorf("exit %d, want %q in\n%s%s", r.code, want, r.out, r.err)
		}
	}
	if r := legate(t, nil, "explain", "web", "--admin-addr", at); strings.Contains(r.out, "priorities for") {
		t.Errorf("without a node: %s", r.out)
	}
}

// What is told of sites is in docs/explain.md, too.
func TestExplainTellsWhereTrafficGoesAndWhy(t *testing.T) {
	down, far, spare := serving("web-1", "10.0.0.7:80"), serving("web-1", "10.2.0.7:80"), serving("web-1", "10.3.0.7:80")
	down.State, down.Health, down.Endpoints[0].Health, down.Why = admin.NoTraffic, "critical", "UNHEALTHY", "check web:http is critical"
	far.Site, far.Endpoints[0].Priority = "dc2", 1
	spare.Site, spare.State, spare.Endpoints[0].Priority = "cluster01.peer", admin.Reserve, 2
	s := service("web", down, far, spare)
	s.Sites = []admin.ServiceSite{
		{Site: "dc1", Own: true, Priority: []uint32{0}, Instances: 1, Says: "dc1 (own): 0 % of the requests; 0 of 1 instance healthy, priority 0; nothing goes there"},
		{Site: "dc2", Priority: []uint32{1}, Instances: 1, Healthy: 1, Share: 100, Stale: true, Says: "dc2: 100 % of the requests; 1 of 1 instance healthy, priority 1; its instances are as last known at 2026-11-22T02:46:00Z"},
		{Site: "cluster01.peer", Priority: []uint32{2}, Instances: 1, Healthy: 1, Says: "cluster01.peer: 0 % of the requests; 1 of 1 instance healthy, priority 2; it is used once those with lower priorities are not healthy"},
	}
	r := legate(t, nil, "explain", "web", "--admin-addr", explaining(t, discovery.Status{Connected: true}, s))
	const want = `web: Traffic goes to dc2: none of 1 instance in dc1 is healthy; 1 instance elsewhere in reserve.

where
  dc1 (own): 0 % of the requests; 0 of 1 instance healthy, priority 0; nothing goes there
  dc2: 100 % of the requests; 1 of 1 instance healthy, priority 1; its instances are as last known at 2026-11-22T02:46:00Z
  cluster01.peer: 0 % of the requests; 1 of 1 instance healthy, priority 2; it is used once those with lower priorities are not healthy
`
	for _, said := range []string{want, "\n  n1/web-1 in dc2 takes traffic: 10.2.0.7:80 HEALTHY", "\n  n1/web-1 in cluster01.peer in reserve: 10.3.0.7:80 HEALTHY"} {
		if r.code != 3 || !strings.Contains(r.out, said) {
			t.Errorf("exit %d, want\n%s\nin\n%s%s", r.code, said, r.out, r.err)
		}
	}
	page, err := os.ReadFile("../../docs/explain.md")
	if err != nil || !strings.Contains(string(page), want) {
		t.Errorf("docs/explain.md does not have it: %v", err)
	}
}

// sick is a service with an instance of each kind, and clients of each kind.
func sick() admin.Service {
	out, down := serving("web-3", "10.0.0.9:0"), serving("web-2", "10.0.0.8:80")
	out.State, out.Endpoints, out.Why, out.Remedy = admin.LeftOut, nil, "port 0", "register the instance with its port"
	down.State, down.Health, down.Endpoints[0].Health = admin.NoTraffic, "critical", "UNHEALTHY"
	down.Checks, down.Why, down.Remedy = []admin.Check{{ID: "web:http", Status: "critical"}, {ID: "disk", Status: "warning", Node: true}}, "check web:http is critical", "look at what the check says"
	s := service("web", out, down, serving("web-1", "10.0.0.7:80"))
	s.Problems = []admin.ServiceProblem{
		{Reason: "rejected", Nodes: []string{"edge-3"}, Detail: "Envoy edge-3 rejects clusters of web: no such cipher", Remedy: "correct it"},
		{Reason: "port", Instance: "n1/web-3", Detail: "port 0", Remedy: "register the instance with its port"},
	}
	s.Deliveries = []admin.ServiceDelivery{{Type: "clusters", Delivery: xdsserver.Delivery{Streams: 3, Acknowledged: 1, InFlight: 1, Rejected: 1, Missing: []xdsserver.Awaited{
		{Node: "edge-3", State: xdsserver.Nacked, Since: statusNow.Add(-time.Minute), Why: "no such cipher"}, {Node: "edge-2", State: xdsserver.Stale, Since: statusNow.Add(-time.Hour)},
	}}}, {Type: "endpoints", Delivery: xdsserver.Delivery{}}}
	return s
}

func TestExplainSaysWhatIsWrongFirstAndThenOfEachInstance(t *testing.T) {
	at := explaining(t, discovery.Status{Connected: true}, sick())
	r := legate(t, nil, "explain", "web", "--admin-addr", at)
	const want = `web: 1 of 3 instances take traffic, with 2 problems.

problems
  rejected: Envoy edge-3 rejects clusters of web: no such cipher
    correct it

instances
  n1/web-3 left out
    Consul: passing; registered at 10.0.0.9:0
    Envoy: gets nothing of it
    why: port 0
    remedy: register the instance with its port
  n1/web-2 no traffic
    Consul: critical, check web:http critical, check disk warning (of its node); registered at 10.0.0.8:80
    Envoy: 10.0.0.8:80 UNHEALTHY, weight 3, region eu, zone b
    why: check web:http is critical
    remedy: look at what the check says
  n1/web-1 takes traffic: 10.0.0.7:80 HEALTHY, weight 3, region eu, zone b

clients
  clusters: 1 of 3 clients has it as it is now, rejected by 1, not answered by 1
    edge-3 NACKED since 2026-11-22T02:59:00Z (1 min 0 s): no such cipher
    edge-2 STALE since 2026-11-22T02:00:00Z (1 h 0 min)
  endpoints: no client asks for it now

policy
  connect_timeout  5s  defaults policy.yaml:1

changes
WHEN          SENT       ACKED              WHAT
`
	if r.code != 3 || !strings.HasPrefix(r.out, want) || r.err != "" {
		t.Errorf("exit %d, stderr %q\n%s\nwant\n%s", r.code, r.err, r.out, want)
	}
	if last := strings.TrimPrefix(r.out, want); strings.Count(last, "\n") != 3 || strings.Index(last, "+ service") > strings.Index(last, "health passing -> critical") {
		t.Errorf("the changes are %q", last)
	}
	one := legate(t, nil, "explain", "web/web-1", "--admin-addr", at)
	for _, want := range []string{"web/web-1: takes traffic; of the service: 1 of 3 instances take traffic, with 1 problem.\n", "    weight 3, when warning 1; tags: none; index 17\n"} {
		if one.code != 3 || !strings.Contains(one.out, want) || strings.Contains(one.out, "web-2") {
			t.Errorf("exit %d, want %q in\n%s", one.code, want, one.out)
		}
	}
}

func TestExplainSaysByItsExitCodeWhetherAllIsWell(t *testing.T) {
	late, soon := service("late", serving("a", "10.0.0.1:1")), service("soon", serving("a", "10.0.0.1:1"))
	late.Deliveries = []admin.ServiceDelivery{{Type: "clusters", Delivery: xdsserver.Delivery{Streams: 1, InFlight: 1, Missing: []xdsserver.Awaited{{Node: "e", State: xdsserver.Stale, Since: statusNow.Add(-time.Hour)}}}}}
	soon.Deliveries = []admin.ServiceDelivery{{Type: "clusters", Delivery: xdsserver.Delivery{Streams: 1, InFlight: 1, Missing: []xdsserver.Awaited{{Node: "e", State: xdsserver.Stale, Since: time.Now().Add(time.Hour)}}}}}
	gone, mixed, unserved := service("gone"), service("a/b", serving("x/y", "10.0.0.1:1")), service("*", serving("a", "10.0.0.1:1"))
	unserved.Served, unserved.Policy = false, nil
	going := service("going", serving("a", "10.0.0.1:1"))
	going.Rollout = &admin.ServiceRollout{State: admin.RolloutPaused, Remedy: "see who rejects it."}
	shrunk := service("shrunk", serving("a", "10.0.0.1:1"))
	shrunk.Problems = []admin.ServiceProblem{{Reason: "held", Detail: "lost 3"}}
	at := explaining(t, discovery.Status{Connected: true}, sick(), service("good", serving("a", "10.0.0.1:1"), serving("b", "10.0.0.2:1"), serving("c", "10.0.0.3:1")), late, soon, gone, mixed, unserved, going, shrunk)
	away := explaining(t, discovery.Status{LastError: "connection refused"}, service("good", serving("a", "10.0.0.1:1")))
	tagged := explaining(t, discovery.Status{Connected: true, Selection: catalog.Selection{Tags: []string{"edge", "v2"}}}, service("good", serving("a", "10.0.0.1:1")))
	for _, c := range []struct {
		args string
		exit int
		says string
	}{
		{tagged + " good/b", 1, "service good has no instance b as far as Legate knows. Only instances with all selected tags are served: --tag edge, v2. Has it these in Consul?"},
		{away + " good/b", 1, "as far as Legate knows, and Consul may have it: it not asked yet (connection refused): "},
		{at + " good", 0, "good: All 3 instances take traffic.\n"}, {at + " good", 0, "none is remembered"},
		{at + " good/n1/c", 0, "good/n1/c: takes traffic"}, {at + " good/c --json", 0, `"serving": 3`},
		{at + " web/n1/web-2", 3, "web/n1/web-2: no traffic; "}, {at + " web --json", 3, `"id": "web-1"`},
		{at + " late", 3, "e STALE since 2026-11-22T02:00:00Z (1 h 0 min)"}, {at + " soon", 0, "soon: Its one instance"},
		{at + " gone", 3, "gone: Served without endpoints: Consul has no instance of it.\n"}, {at + " a/b", 0, "a/b: Its one instance takes traffic.\n"},
		{at + " *", 3, "none holds: it is not served"}, {at + " going", 0, "a change of policy goes out: here it is paused. see who rejects it."},
		{at + " shrunk", 3, "  held: lost 3\n"}, {away + " good", 0, "As last known: Consul not asked yet (connection refused).\n"},
		{at + " wbe", 1, "404 Not Found: Legate sees no service here. Did you mean web?"}, {at + " wbe/x", 1, "Did you mean web?"},
		{at + " web/web-7", 1, `service web has no instance web-7: did you mean "web-3"?: "legate explain web" shows all`},
		{"127.0.0.1:1 web", 1, "does it run there? See --admin-addr"}, {at, 2, "SERVICE"}, {at + " a b", 2, `"b"`},
	} {
		r := legate(t, nil, append([]string{"explain", "--admin-addr"}, strings.Fields(c.args)...)...)
		if r.code != c.exit || !strings.Contains(r.out+r.err, c.says) {
			t.Errorf("%s: exit %d, want %d with %q\n%s%s", c.args, r.code, c.exit, c.says, r.out, r.err)
		}
	}
}

func TestExplainDoesNothingToATerminal(t *testing.T) {
	const evil = "w\x1b[31m\u202eb\nready: yes\u009b"
	i := admin.Instance{Node: evil, ID: evil, Address: evil, Health: evil, Checks: []admin.Check{{ID: evil, Status: evil}}, Tags: []string{evil}, State: evil, Why: evil, Remedy: evil,
		Endpoints: []admin.Endpoint{{Address: evil, Health: evil, Region: evil, Zone: evil}}}
	s := service("web", i)
	s.Name = "web"
	s.Problems = []admin.ServiceProblem{{Reason: evil, Instance: evil, Detail: evil, Remedy: evil}}
	s.Deliveries = []admin.ServiceDelivery{{Type: evil, Delivery: xdsserver.Delivery{Streams: 2, Missing: []xdsserver.Awaited{{Node: evil, State: xdsserver.Nacked, Why: evil}}}}}
	s.Policy.Fields = append(s.Policy.Fields, policy.ExplainedField{Field: evil, Value: json.RawMessage(`"\u001b"`), Source: evil})
	s.Rollout = &admin.ServiceRollout{State: evil, Remedy: evil}
	at := explaining(t, discovery.Status{LastError: evil}, s)
	for _, args := range [][]string{{"web"}, {"web/" + evil}, {"web", "--json"}, {evil}, {"web/x" + evil}} {
		r := legate(t, nil, append([]string{"explain", "--admin-addr", at}, args...)...)
		if strings.ContainsAny(r.out+r.err, "\x1b\u202e\u009b") || strings.Contains(r.out+r.err, "\nready: yes") {
			t.Errorf("%v: %q %q", args, r.out, r.err)
		}
	}
}

// Colours are for terminals, and text is broken at their width; the rest of the text is the same.
func TestExplainHasColoursOnATerminalOnly(t *testing.T) {
	var plain, coloured bytes.Buffer
	x := explanation{Service: sick(), now: statusNow, consul: discovery.Status{Connected: true}}
	if err := (&sheet{program: &program{out: &plain}}).explain(x, true); err != nil {
		t.Fatal(err)
	}
	if err := (&sheet{program: &program{out: &coloured}, colour: true}).explain(x, true); err != nil {
		t.Fatal(err)
	}
	bare := coloured.String()
	for _, code := range []string{red, green, yellow, "0"} {
		bare = strings.ReplaceAll(bare, "\x1b["+code+"m", "")
	}
	if strings.Contains(plain.String(), "\x1b") || bare != plain.String() || !strings.Contains(coloured.String(), "\x1b[31m  n1/web-3 left out\x1b[0m") {
		t.Errorf("%q\n%q", coloured.String(), plain.String())
	}
}
