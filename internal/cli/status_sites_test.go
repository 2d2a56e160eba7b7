package cli

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/internal/admin"
)

// federated is a status with a datacenter that is frozen, one that was never heard, and a peer.
func federated() admin.Status {
	s := calm()
	s.Consul.Instances = map[string]int{"passing": 30, "critical": 1}
	frozen := statusNow.Add(-14 * time.Minute)
	s.Consul.Sites = []discovery.SiteStatus{
		{Peer: "cluster01", Status: discovery.Status{Datacenter: "dc1", Connected: true, Services: 2, Instances: map[string]int{"passing": 5}, LastSuccess: statusNow}},
		{Stale: true, Believed: frozen, Status: discovery.Status{Datacenter: "dc2", Services: 9, Instances: map[string]int{"passing": 20}, Held: 1, LastSuccess: frozen,
			Problems: []catalog.Problem{{Kind: "timeout", Detail: "no answer within 10s", Remedy: "look at the servers of dc2"}}}},
		{Stale: true, Status: discovery.Status{Datacenter: "dc3", Problems: []catalog.Problem{{Kind: "unavailable", Detail: "No path to datacenter", Remedy: "correct the name"}}}},
	}
	return s
}

// The table is in docs/status.md, too.
func TestStatusShowsEachDatacenterAndPeer(t *testing.T) {
	r := legate(t, nil, "status", "--admin-addr", answering(t, federated()))
	const table = `
DATACENTER/PEER  STATE            SERVICES  INSTANCES  HELD  STALE SINCE
dc1 (own)        answers          12        31         0     -
cluster01.peer   answers          2         5          0     -
dc2              does not answer  9         20         1     2026-11-22T02:46:00Z (14 min 0 s)
dc3              not available    0         0          0     nothing is known
`
	for _, want := range []string{
		table, "consul      answers at http://127.0.0.1:8500: 12 services of dc1", "held        1 hold of losses in Consul",
		"warning: dc2 has given no believed answer for 14 min 0 s", "9 services with 20 instances stay served as last known of it",
		"warning: dc2: timeout", "look at the servers of dc2", "warning: dc3 has not been heard since the start", "warning: dc3: unavailable",
	} {
		if !strings.Contains(r.out, want) {
			t.Errorf("it does not say %q:\n%s", want, r.out)
		}
	}
	if r.code != 0 || strings.Contains(r.out, "critical") {
		t.Errorf("exit %d:\n%s", r.code, r.out)
	}
	page, err := os.ReadFile("../../docs/status.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), table) {
		t.Errorf("docs/status.md does not have\n%s", table)
	}
	if r := legate(t, nil, "status", "--admin-addr", answering(t, calm())); strings.Contains(r.out, "DATACENTER") {
		t.Errorf("a Legate that follows one datacenter has a table of them:\n%s", r.out)
	}
}

func TestStatusAsJSONHasTheSites(t *testing.T) {
	r := legate(t, nil, "status", "--json", "--admin-addr", answering(t, federated()))
	var got struct{ Sites []admin.Site }
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Sites) != 4 || !got.Sites[0].Own || got.Sites[1].Peer != "cluster01" || !got.Sites[2].Stale || !got.Sites[2].StaleSince.Equal(statusNow.Add(-14*time.Minute)) || !got.Sites[3].StaleSince.IsZero() {
		t.Errorf("%+v", got.Sites)
	}
	if r := legate(t, nil, "status", "--json", "--admin-addr", answering(t, calm())); strings.Contains(r.out, `"sites"`) {
		t.Errorf("one datacenter alone has sites:\n%s", r.out)
	}
}
