package admin

import (
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/resolve"
	"legate/discovery/watch"
	"legate/internal/changes"
	"legate/translate"
	"legate/translate/policy"
	"legate/xdsserver"
)

// The pictures in docs are taken by
//
//	go test ./internal/admin -run Pictures -count=1 -pictures $PWD/docs/pictures
var pictures = flag.String("pictures", "", "a folder, to take the pictures of the page for docs")

// shop is a house as one might be at 3 a.m.: some instances are not well, somebody made mistakes, and an Envoy
// does not take what it is sent.
func shop(t *testing.T) *house {
	t.Helper()
	h := healthy()
	at := 0
	service := func(name string, meta map[string]string, instances ...catalog.Health) catalog.Service {
		s := catalog.Service{Key: catalog.ServiceKey{Datacenter: "dc1", Name: name}}
		for n, health := range instances {
			at++
			i := catalog.Instance{ID: fmt.Sprintf("%s-%d", name, n+1), Node: fmt.Sprintf("node-%d", n%3+1), Address: fmt.Sprintf("10.0.%d.%d", n%3+1, at), Port: 8080, Health: health,
				Weights: catalog.Weights{Passing: 10}, Locality: catalog.Locality{Region: "eu-central", Zone: string(rune('a' + n%3))}, Meta: meta}
			if health == catalog.Critical || health == catalog.Warning {
				i.Checks = []catalog.Check{{ID: "http:/healthz", Status: health.String()}}
			}
			s.Instances = append(s.Instances, i)
		}
		return s
	}
	well, ill, slow, away := catalog.Passing, catalog.Critical, catalog.Warning, catalog.Maintenance
	payments := service("payments", map[string]string{"legate-protocol": "grpc", "legate-max-requests": "many"}, well, ill, away, slow, well, well)
	payments.Instances[4].Port = 0
	said, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte(`
defaults: {connect_timeout: 2s}
services:
- match: {names: [payments]}
  lb_policy: least_request
  outlier_detection: {consecutive_5xx: 3}
  tls: {sni: payments.internal, ca: /etc/envoy/ca.pem}
`)}})
	if err != nil {
		t.Fatal(err)
	}
	h.state.Resources, _ = h.state.Resources.With(said)
	h = h.with(service("cart", nil, well, well, well), service("catalog", nil, well, well), service("checkout", nil, ill, ill), service("login", nil, well, well, well, well),
		service("mail", nil, well), service("search", nil, well, slow, well), service("shipping", nil, well, well), service("stock", nil, well, away))
	h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Set: []catalog.Service{payments}, Since: now.Add(-40 * time.Second)})
	h.consul.Services, h.consul.Instances, h.consul.Entries = 10, map[string]int{"passing": 19, "warning": 2, "critical": 3, "maintenance": 2}, map[string]int{"service-defaults": 2}
	h.holds = []discovery.Hold{{Service: "stock", Why: "shrunk", Kept: 1, Served: 2, Since: now.Add(-4 * time.Second), Until: now.Add(6 * time.Second),
		Remedy: "if they are really gone, wait, or release it: legate holds release --service NAME"}}
	h.asked = discovery.Asked{
		Pool:    consul.Pool{Open: 16, Limit: 100, Busy: 14, Queries: 14, PerConnection: 1},
		Watches: discovery.Watches{List: 1, Entries: 3, Direct: 10},
		Asked: watch.Asked{
			LongestPause: 30,
			Slowest:      []watch.Slow{{About: `service "payments"`, Seconds: 0.412, Outcome: "changed", At: now.Add(-40 * time.Second)}, {About: "the list of services", Seconds: 0.031, Outcome: "unchanged", At: now.Add(-4 * time.Minute)}},
			Rejected: []watch.Rejection{{Reason: "contradicted", Count: 2, Last: now.Add(-20 * time.Minute), About: `service "stock"`, Detail: "it lacks what a consistent answer has",
				Remedy: "nothing: the leader's answer counts; if it goes on, look for a server or an agent that has fallen behind: consul operator raft list-peers"}},
			Outages: []watch.Outage{{Kind: consul.Unavailable, Since: now.Add(-21 * time.Minute), Over: now.Add(-20*time.Minute - 48*time.Second), Detail: `query consul "/v1/catalog/services": Unexpected response code: 500 (No cluster leader)`}},
		},
	}
	h.hosts = &resolve.Status{}
	h.views[0].Resources = map[string]int{translate.ClusterType: 10, translate.AssignmentType: 10}
	h.streams = []xdsserver.StreamStatus{stream("edge-1", xdsserver.Synced, ""), stream("edge-2", xdsserver.Nacked, "malformed IP address: payments.internal")}
	for n := range h.streams {
		st := &h.streams[n]
		st.ID, st.Types[0].Nacks, st.Types[0].Since, st.Types[0].LastSent, st.Types[0].LastAck = fmt.Sprint("delta-", n+1), n, now.Add(-40*time.Second), now.Add(-40*time.Second), now.Add(-40*time.Second)
	}
	h.streams[1].Types[0].Type, h.streams[1].Types[0].Rejected = translate.AssignmentType, map[string]string{"payments": "malformed IP address: payments.internal"}
	for _, d := range []xdsserver.Delivery{{Name: translate.Name{Type: translate.ClusterType}, Acknowledged: 2}, {Name: translate.Name{Type: translate.AssignmentType}, Acknowledged: 1, Rejected: 1,
		Missing: []xdsserver.Awaited{{Stream: "delta-2", Node: "edge-2", Peer: "10.0.9.2:41230", State: xdsserver.Nacked, Since: now.Add(-40 * time.Second), Why: "malformed IP address: payments.internal"}}}} {
		d.View, d.Name.Name, d.Streams, d.Changed = dc1, "payments", 2, now.Add(-40*time.Second)
		h.sent = append(h.sent, d)
	}
	h.reach = map[string]xdsserver.Reach{}
	for _, name := range []string{"cart", "catalog", "checkout", "login", "mail", "payments", "search", "shipping", "stock", "web"} {
		is := xdsserver.Standing{Stream: "delta-2", Peer: "10.0.9.2:41230", Type: translate.AssignmentType, Name: name, View: dc1.String(), Version: "TNvDt6jQeRQDNKnM0ynaeg", Changed: now.Add(-50 * time.Second), State: xdsserver.Synced}
		has := xdsserver.Reach{Streams: 2, Have: 2}
		if name == "payments" {
			is.State, is.Since, is.Why, is.Version, is.Instead = xdsserver.Nacked, now.Add(-40*time.Second), "malformed IP address: payments.internal", "LF--yrBgrEFs6zH-vCrtYA", "BoL6KcAozpKBbwoju1zIyg"
			h.stand = append([]xdsserver.Standing{is}, h.stand...)
			has.Have = 1
		} else {
			h.stand = append(h.stand, is)
		}
		h.reach[name] = has
	}
	h.record = changes.New()
	for n, c := range []changes.Change{
		{Kind: changes.Snapshot, Lines: []changes.Line{{Op: changes.Plus, What: "complete", Detail: "10 services, 26 instances, 2 config entries"}}},
		{Kind: changes.Service, Services: []string{"search"}, Index: 38, Altered: 1, Lines: []changes.Line{{Op: changes.Tilde, What: "health", Instance: "node-2/search-2", Address: "10.0.2.16:8080", From: "passing", To: "warning", Checks: []string{"http:/healthz"}}}},
		{Kind: changes.Policy, Services: []string{"cart", "catalog", "checkout", "login", "mail", "payments", "search", "shipping", "stock", "web"},
			Lines: []changes.Line{{Op: changes.Tilde, What: "policy", Key: "connect_timeout", From: "5s", To: "2s", Detail: "defaults policy.yaml:2"}}},
		{Kind: changes.Hold, Services: []string{"stock"}, Lines: []changes.Line{{Op: changes.Plus, What: "hold", Detail: "shrunk: 1 of 2 instances is kept"}}},
		{Kind: changes.Service, Services: []string{"payments"}, Index: 42, Added: 1, Altered: 1, Removed: 1, Lines: []changes.Line{
			{Op: changes.Plus, What: "instance", Instance: "node-3/payments-6", Address: "10.0.3.6:8080", Detail: "zone c, weight 10"},
			{Op: changes.Minus, What: "instance", Instance: "node-1/payments-0", Address: "10.0.1.9:8080"},
			{Op: changes.Tilde, What: "health", Instance: "node-2/payments-2", Address: "10.0.2.2:8080", From: "passing", To: "critical", Checks: []string{"http:/healthz"}},
		}},
	} {
		c.At = now.Add(-40*time.Second - time.Duration(4-n)*5*time.Minute)
		if c.Kind != changes.Hold {
			c.Answered, c.Published = c.At.Add(-3*time.Millisecond), c.At
		}
		h.record.Add(c)
	}
	return h
}

func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("no -pictures FOLDER")
	}
	s := open(t, shop(t))
	s.config = func(c *Config) { c.Socket = "/var/lib/legate/admin.sock" }
	b := openBrowser(t, "http://"+s.addr+"/")
	b.call("Emulation.setScrollbarsHidden", map[string]any{"hidden": true}, nil)
	for _, c := range []struct{ name, path string }{{"overview", "/"}, {"services", "/services"}, {"service", "/services/payments"}, {"changes", "/changes"}, {"nodes", "/nodes"}, {"node", "/nodes/edge-2"}, {"consul", "/consul?release=stock"}} {
		for n := range 4 {
			width, scheme := []int{1280, 390}[n/2], []string{"light", "dark"}[n%2]
			b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
			b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 600, "deviceScaleFactor": 1, "mobile": false}, nil)
			b.leads(func() { b.call("Page.navigate", map[string]any{"url": "http://" + s.addr + c.path}, nil) })
			var page struct {
				CSSContentSize struct{ Width, Height float64 }
			}
			b.call("Page.getLayoutMetrics", nil, &page)
			var picture struct{ Data string }
			b.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true, "format": "webp", "quality": 60,
				"clip": map[string]any{"x": 0, "y": 0, "width": page.CSSContentSize.Width, "height": page.CSSContentSize.Height, "scale": 1}}, &picture)
			content, err := base64.StdEncoding.DecodeString(picture.Data)
			if err == nil {
				err = os.WriteFile(filepath.Join(*pictures, fmt.Sprintf("%s-%d-%s.webp", c.name, width, scheme)), content, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}
