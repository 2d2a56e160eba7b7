package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/internal/admin"
	"legate/internal/lastknown"
	"legate/translate"
	"legate/xdsserver"
)

var statusNow = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

// typeIn is a type in a state, in which it is for so long, or waits for so many versions for so long.
func typeIn(typeURL string, state xdsserver.State, behind int, for_ time.Duration) xdsserver.TypeStatus {
	t := xdsserver.TypeStatus{Type: typeURL, State: state, Since: statusNow.Add(-for_), Wants: 2, Behind: behind, LastAck: statusNow.Add(-time.Hour)}
	if behind > 0 {
		t.Waiting = t.Since
	}
	return t
}

func streamOf(id, peer string, clusters, endpoints xdsserver.TypeStatus) xdsserver.StreamStatus {
	return xdsserver.StreamStatus{ID: "delta-1", Protocol: "delta", Node: id, Peer: peer, Opened: statusNow.Add(-2 * time.Hour), Types: []xdsserver.TypeStatus{clusters, endpoints}}
}

// troubled is a status with clients in each state.
func troubled() admin.Status {
	synced := func(typeURL string) xdsserver.TypeStatus { return typeIn(typeURL, xdsserver.Synced, 0, time.Hour) }
	rejects := typeIn(translate.ClusterType, xdsserver.Nacked, 0, 5*time.Minute)
	rejects.Rejection, rejects.Rejected, rejects.RejectedCount = "no such cipher", map[string]string{"web": "no such cipher"}, 1
	full := typeIn(translate.AssignmentType, xdsserver.Stale, 70, 10*time.Minute)
	full.Unsent = 6
	s := calm()
	s.Streams = []xdsserver.StreamStatus{
		streamOf("edge-1", "10.0.0.1:5", synced(translate.ClusterType), synced(translate.AssignmentType)),
		streamOf("edge-2", "10.0.0.2:5", synced(translate.ClusterType), full),
		streamOf("edge-3", "10.0.0.3:5", rejects, synced(translate.AssignmentType)),
		streamOf("edge-4", "10.0.0.4:5", synced(translate.ClusterType), typeIn(translate.AssignmentType, xdsserver.Stale, 1, 10*time.Millisecond)),
		streamOf("edge-5", "10.0.0.5:5", synced(translate.ClusterType), synced(translate.AssignmentType)),
	}
	return s
}

func calm() admin.Status {
	return admin.Status{
		Now: statusNow, Started: statusNow.Add(-3 * time.Hour), Ready: true, LastKnown: lastknown.Status{File: "/var/lib/legate/catalog", Written: statusNow.Add(-time.Minute)},
		Consul: discovery.Status{Address: "http://127.0.0.1:8500", Datacenter: "dc1", Connected: true, Complete: true, Services: 12, LastSuccess: statusNow.Add(-2 * time.Second)},
	}
}

// answering is a Legate that says this of itself.
func answering(t *testing.T, s admin.Status) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/status" {
			http.NotFound(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(s)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func TestStatusShowsWhatIsWrongFirstAndSumsUpTheRest(t *testing.T) {
	r := legate(t, nil, "status", "--admin-addr", answering(t, troubled()))
	const want = `ready       yes, up for 3 h 0 min
consul      answers at http://127.0.0.1:8500: 12 services of dc1, last answer 2 s ago
held        nothing
last known  kept, as of 2026-11-22T02:59:00Z
rollout     none
to look at  nothing

5 nodes; of their types 1 NACKED, 1 STALE, 8 SYNCED

NODE    TYPE       STATE   FOR         BEHIND
edge-3  clusters   NACKED  5 min 0 s   0
    rejects web: no such cipher
    from 10.0.0.3, stream delta-1; last acknowledgement 1 h 0 min ago
edge-2  endpoints  STALE   10 min 0 s  70
    6 of 70 versions are not sent yet: it has to answer first
    from 10.0.0.2, stream delta-1; last acknowledgement 1 h 0 min ago

3 nodes without trouble: --all lists them
`
	if r.code != 3 || !strings.HasPrefix(r.out, want) || r.err != "" {
		t.Errorf("exit %d, stderr %q\n%s\nwant\n%s", r.code, r.err, r.out, want)
	}
	for _, advice := range []string{"NACKED: the client keeps what it had.", "STALE: look whether that Envoy runs"} {
		if !strings.Contains(r.out, "\n"+advice) {
			t.Errorf("no advice %q in\n%s", advice, r.out)
		}
	}
	if strings.Contains(r.out, "NOT SENT") {
		t.Error("advice on what is not there")
	}
}

// Whoever copies a bootstrap has two Envoys with one id: then a row may be of either of them.
func TestStatusSaysThatSeveralEnvoysHaveOneID(t *testing.T) {
	one := func(id, peer string) xdsserver.StreamStatus {
		return streamOf(id, peer, typeIn(translate.ClusterType, xdsserver.Synced, 0, time.Hour), typeIn(translate.AssignmentType, xdsserver.Synced, 0, time.Hour))
	}
	endpoints := func(id, peer string) xdsserver.StreamStatus { // as an Envoy has them whose endpoints come over streams of their own
		s := one(id, peer)
		s.Types = s.Types[1:]
		return s
	}
	for _, c := range []struct {
		streams []xdsserver.StreamStatus
		says    bool
	}{
		{[]xdsserver.StreamStatus{one("edge", "10.0.0.1:5"), one("edge", "10.0.0.1:6")}, true},
		{[]xdsserver.StreamStatus{one("edge", "10.0.0.1:5"), one("edge", "10.0.0.2:5")}, true},
		{[]xdsserver.StreamStatus{one("edge", "10.0.0.1:5"), endpoints("edge", "10.0.0.1:6"), endpoints("edge", "10.0.0.1:7"), one("edge-2", "10.0.0.1:8")}, false},
	} {
		s := calm()
		s.Streams = c.streams
		r := legate(t, nil, "status", "--admin-addr", answering(t, s))
		if says := strings.Contains(r.out, "Several clients have the id edge. Give each Envoy one of its own"); says != c.says || r.code != 0 {
			t.Errorf("exit %d: %s", r.code, r.out)
		}
	}
}

func TestStatusSaysByItsExitCodeWhetherAllAreSynced(t *testing.T) {
	bad, good := answering(t, troubled()), answering(t, calm())
	waits := calm()
	waits.Ready, waits.NotReady = false, "reading consul at http://127.0.0.1:8500: 3 of 12 services so far"
	unsent := typeIn(translate.ClusterType, xdsserver.NotSent, 0, time.Minute)
	unsent.Wants, unsent.LastAck = 0, time.Time{}
	none := unsent
	none.Type = translate.AssignmentType
	waits.Streams = []xdsserver.StreamStatus{streamOf("edge-1", "10.0.0.1:5", unsent, none)}
	vain := calm()
	vain.Streams = []xdsserver.StreamStatus{streamOf("edge-5", "10.0.0.5:5", unsent, none)}
	vain.Streams[0].Types[1].InVain, vain.Streams[0].Types[1].InVainCount = []xdsserver.Missing{{Name: "shpo", Why: "typo"}}, 12
	idle := calm()
	idle.Streams = waits.Streams
	alike := calm()
	alike.Streams = []xdsserver.StreamStatus{streamOf("edge", "10.0.0.1:5", unsent, none), streamOf("edge", "10.0.0.2:5", unsent, none)}
	away := calm()
	away.Consul.Connected, away.Consul.LastError, away.Consul.Held = false, "connection refused", 3
	away.Consul.Problems = []catalog.Problem{{Kind: "unreachable", Detail: "no route", Remedy: "start Consul"}}
	away.Rollout = &admin.Rollout{Changed: 3, Waiting: 9, Paused: statusNow.Add(-time.Minute)}
	polls := calm()
	polls.Pollers = []xdsserver.Poller{{Node: "rest-1", Address: "10.0.0.9"}}
	for _, c := range []struct {
		args string
		exit int
		says []string
	}{
		{answering(t, polls), 0, []string{"0 nodes; and 1 node over REST"}},
		{answering(t, polls) + " rest-* --json", 0, []string{`"node": "rest-1"`}},
		{answering(t, polls) + " rest-2", 1, []string{"no node rest-2 has an open stream"}},
		{bad + " edge-1", 0, []string{"1 node; of their types 2 SYNCED", "edge-1  clusters   SYNCED  1 h 0 min  0\n"}},
		{bad + " edge-4", 0, []string{"edge-4  endpoints  SYNCED  10 ms      1\n"}}, // it is on its way
		{bad + " edge-4 --stale-after 5ms", 3, []string{"edge-4  endpoints  STALE   10 ms      1\n"}},
		{answering(t, vain) + " edge-5", 0, []string{"asks for what Consul does not have: shpo, and 11 more"}},
		{bad + " edge-[", 1, []string{`no node edge-[ has an open stream: did you mean`}},
		{bad + " e*-?", 3, []string{"5 nodes; of their types 1 NACKED", "edge-1  clusters"}},
		{bad + " --all", 3, []string{"edge-1  clusters   SYNCED"}},
		{good, 0, []string{"no Envoy is connected"}},
		{answering(t, waits), 3, []string{"ready       no: reading consul at http://127.0.0.1:8500: 3 of 12", "edge-1  clusters   NOT SENT  1 min 0 s  0\n    asks for 1 resource\n    from 10.0.0.1, stream delta-1; it has acknowledged nothing yet", "NOT SENT: Legate has nothing for it yet"}},
		{answering(t, idle), 0, []string{"2 NOT SENT", "1 node without trouble"}},
		{answering(t, alike) + " --all", 0, []string{`edge 10.0.0.1  clusters`, `edge 10.0.0.2  endpoints`}},
		{answering(t, away), 0, []string{"consul      does not answer at", "connection refused", "held        3 holds", "rollout     waits for 1 min 0 s after 3 of 12 clusters", "to look at  2 things", "  warning: Consul: unreachable\n    no route\n    start Consul"}},
		{"127.0.0.1:1", 1, []string{"does it run there? See --admin-addr"}},
		{bad + " a b", 2, []string{`unexpected argument "b"`}},
		{bad + " --stale-after x", 2, []string{"--stale-after"}},
	} {
		r := legate(t, nil, append([]string{"status", "--admin-addr"}, strings.Fields(c.args)...)...)
		for _, want := range c.says {
			if r.code != c.exit || !strings.Contains(r.out+r.err, want) {
				t.Errorf("%s: exit %d, want %d with %q\n%s%s", c.args, r.code, c.exit, want, r.out, r.err)
			}
		}
	}
}

func TestStatusAsJSONHasAllNodes(t *testing.T) {
	r := legate(t, nil, "status", "--json", "--admin-addr", answering(t, troubled()))
	var got struct {
		Synced bool
		States map[string]int
		Nodes  []struct {
			ID, State string
			Types     []struct{ Word, State string }
		}
	}
	if err := json.Unmarshal([]byte(r.out), &got); err != nil || r.code != 3 {
		t.Fatalf("exit %d, %v: %s", r.code, err, r.out)
	}
	if got.Synced || got.States["STALE"] != 1 || len(got.Nodes) != 5 || got.Nodes[0].ID != "edge-3" || got.Nodes[0].State != "NACKED" || got.Nodes[1].Types[0].Word != "endpoints" {
		t.Errorf("%+v", got)
	}
}

// Three hundred nodes with one that has trouble fit on a screen.
func TestManyNodesStayReadable(t *testing.T) {
	s := troubled()
	for n := range 300 {
		s.Streams = append(s.Streams, streamOf(fmt.Sprintf("node-%03d", n), "10.0.1.1:5", typeIn(translate.ClusterType, xdsserver.Synced, 0, time.Hour), typeIn(translate.AssignmentType, xdsserver.Synced, 0, time.Hour)))
	}
	at := answering(t, s)
	if r := legate(t, nil, "status", "--admin-addr", at); strings.Count(r.out, "\n") > 24 || !strings.Contains(r.out, "303 nodes without trouble") {
		t.Errorf("%d lines\n%s", strings.Count(r.out, "\n"), r.out)
	}
	if r := legate(t, nil, "status", "--all", "--admin-addr", at); strings.Count(r.out, "\nnode-") != 600 {
		t.Errorf("%d rows", strings.Count(r.out, "\nnode-"))
	}
}

// On a terminal no line is wider than it, and the states have colours, unless NO_COLOR is set.
func TestStatusFitsTheTerminal(t *testing.T) {
	s := troubled()
	s.Streams[2].Node = strings.Repeat("long-", 40)
	s.Streams[2].Types[0].Rejected["web"] = strings.Repeat("so many words ", 20)
	report, err := (&statusOptions{staleAfter: time.Second}).report(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, width := range []int{60, 80, 200} {
		var out bytes.Buffer
		sheet := &sheet{program: &program{out: &out}, width: width}
		if err := sheet.show(report, true); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > width {
				t.Errorf("%d of %d columns: %s", n, width, line)
			}
		}
		if strings.Contains(out.String(), "\x1b") {
			t.Error("colours that nobody asked for")
		}
	}
	var plain, coloured bytes.Buffer
	_ = (&sheet{program: &program{out: &plain}}).show(report, true)
	_ = (&sheet{program: &program{out: &coloured}, colour: true}).show(report, true)
	for _, want := range []string{"\x1b[31mNACKED\x1b[0m", "\x1b[33mSTALE\x1b[0m", "\x1b[32mSYNCED\x1b[0m"} {
		if !strings.Contains(coloured.String(), want) {
			t.Errorf("no %q", want)
		}
	}
	for _, code := range []string{red, green, yellow, "0"} {
		coloured = *bytes.NewBuffer(bytes.ReplaceAll(coloured.Bytes(), []byte("\x1b["+code+"m"), nil))
	}
	if coloured.String() != plain.String() {
		t.Errorf("with colours other text is written:\n%s\n%s", coloured.String(), plain.String())
	}
}

func TestStatusDoesNothingToATerminal(t *testing.T) {
	evil := "w\x1b[31m\u202eb\nready: yes\u009b"
	s := troubled()
	for i := range s.Streams {
		st := &s.Streams[i]
		st.Node, st.Identity, st.Peer, st.ID = evil+st.Node, evil, evil, evil
		for j := range st.Types {
			of := &st.Types[j]
			of.Rejection, of.Remedy = evil, evil
			of.Rejected = map[string]string{evil: evil}
			of.InVain, of.InVainCount = []xdsserver.Missing{{Name: evil}}, 1
		}
		st.Types = append(st.Types, xdsserver.TypeStatus{Type: evil, State: xdsserver.Stale, Behind: 1})
	}
	s.NotReady, s.Consul.Connected, s.Consul.LastError, s.Consul.Address, s.Consul.Datacenter = evil, false, evil, evil, evil
	s.Own = []admin.Trouble{{Kind: evil, Detail: evil, Remedy: evil}}
	for _, ready := range []bool{true, false} {
		s.Ready = ready
		at := answering(t, s)
		for _, args := range [][]string{nil, {"--all"}, {"--json"}, {"nobody" + evil}} {
			r := legate(t, nil, append([]string{"status", "--admin-addr", at}, args...)...)
			if strings.ContainsAny(r.out+r.err, "\x1b\u202e\u009b") || strings.Contains(r.out+r.err, "\nready: yes") {
				t.Errorf("%v: %q %q", args, r.out, r.err)
			}
		}
	}
}

func TestStatusListsWhoAsksOverREST(t *testing.T) {
	s := calm()
	s.Pollers = []xdsserver.Poller{{Node: "rest-1", Address: "10.0.0.9", Last: statusNow.Add(-3 * time.Second), Types: []xdsserver.PolledType{{Type: translate.ClusterType, State: xdsserver.Stale, Since: statusNow.Add(-time.Minute), Requests: 4}}}}
	at := answering(t, s)
	if r := legate(t, nil, "status", "--admin-addr", at, "--all"); r.code != 0 || !strings.Contains(r.out, "rest-1") || !strings.Contains(r.out, "over REST from 10.0.0.9; asked last 3 s ago") {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.err)
	}
	if r := legate(t, nil, "status", "--admin-addr", at); r.code != 0 || strings.Contains(r.out, "rest-1") {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.err)
	}
}
