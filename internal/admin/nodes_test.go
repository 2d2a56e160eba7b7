package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"legate/translate"
	"legate/xdsserver"
)

// from is a stream of a node from an address, with types in these states: state, how many versions behind, for how long.
func from(id, peer string, types ...xdsserver.TypeStatus) xdsserver.StreamStatus {
	for i := range types {
		types[i].Type = []string{translate.ClusterType, translate.AssignmentType}[i]
		types[i].Since = now.Add(-time.Hour)
	}
	return xdsserver.StreamStatus{ID: "delta-" + peer, Protocol: "delta", Peer: peer, Node: id, Cluster: "edge", Opened: now.Add(-2 * time.Hour), Types: types}
}

func is(state xdsserver.State, behind int, wait time.Duration) xdsserver.TypeStatus {
	t := xdsserver.TypeStatus{State: state, Wants: 3, Behind: behind}
	if wait > 0 {
		t.Waiting = now.Add(-wait)
	}
	return t
}

// fleet is a house with clients in each state.
func fleet() *house {
	h := healthy()
	synced, idle := is(xdsserver.Synced, 0, 0), xdsserver.TypeStatus{State: xdsserver.NotSent}
	h.streams = []xdsserver.StreamStatus{
		from("edge-1", "10.0.0.1:5", synced, synced),
		from("edge-2", "10.0.0.2:5", synced, is(xdsserver.Stale, 2, 10*time.Minute)),
		from("edge-3", "10.0.0.3:5", synced, is(xdsserver.Nacked, 0, 0)),
		from("edge-4", "10.0.0.4:5", is(xdsserver.Stale, 7, 10*time.Millisecond), is(xdsserver.Synced, 0, 0)),
		from("edge-5", "10.0.0.5:5", is(xdsserver.NotSent, 1, time.Minute)),
		from("edge-6", "10.0.0.6:5", synced, idle),
		from("edge-7", "10.0.0.7:5"),
	}
	return h
}

func (h *house) nodesOf(t *testing.T, query string) (n Nodes) {
	t.Helper()
	w := h.get(t, "/api/v1/nodes"+query)
	if err := json.Unmarshal(w.Body.Bytes(), &n); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%s: %d %v\n%s", query, w.Code, err, w.Body)
	}
	return n
}

func (n Nodes) ids() string {
	var all []string
	for _, one := range n.Nodes {
		all = append(all, strings.TrimPrefix(one.ID, "edge-"))
	}
	return strings.Join(all, " ")
}

func TestNodesAreFoundSortedAndPaged(t *testing.T) {
	h := fleet()
	for query, want := range map[string]string{
		"":                            "3 2 5 4 1 6 7", // what is rejected, then who waits longest
		"?sort=-urgency&limit=2":      "7 1",
		"?sort=id":                    "1 2 3 4 5 6 7",
		"?sort=-behind&limit=3":       "4 2 5",
		"?sort=-waiting&limit=3":      "2 5 4",
		"?sort=-streams&limit=1":      "3",
		"?only=unsynced":              "3 2 5 4",
		"?only=nacked":                "3",
		"?only=stale":                 "2 4",
		"?only=not_sent":              "5 6",
		"?only=synced":                "1 6 7",
		"?q=EDGE-2":                   "2",
		"?q=10.0.0.4":                 "4",
		"?q=nobody":                   "",
		"?limit=3&page=2":             "4 1 6",
		"?limit=3&page=99":            "7",
		"?only=synced&sort=id&q=edge": "1 6 7",
	} {
		if got := h.nodesOf(t, query).ids(); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	got := h.nodesOf(t, "?limit=1")
	if want := map[State]int{"SYNCED": 6, "STALE": 2, "NOT SENT": 2, "NACKED": 1}; !reflect.DeepEqual(got.States, want) || got.Total != 7 || got.Pages != 7 {
		t.Errorf("%+v", got)
	}
	if two := h.nodesOf(t, "?q=edge-2").Nodes[0]; two.State != xdsserver.Stale || two.Behind != 2 || !two.Waiting.Equal(now.Add(-10*time.Minute)) ||
		two.Address != "10.0.0.2" || two.Types[0].Word != "endpoints" || two.Types[1].Word != "clusters" {
		t.Errorf("%+v", two)
	}
	for query, want := range map[string]string{
		"?only=bad": "only=bad: one of unsynced, nacked, stale, not_sent, synced", "?sort=age": "sort=age: one of urgency, id", "?limit=0": "limit=0: a number",
	} {
		if w := h.get(t, "/api/v1/nodes"+query); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}

// Anybody can choose any id, so nodes are told apart by who is behind it.
func TestNodesWithOneIDAreToldApart(t *testing.T) {
	h := healthy()
	synced := is(xdsserver.Synced, 0, 0)
	a, again, b, c := from("edge", "10.0.0.1:5", synced), from("edge", "10.0.0.1:6", synced), from("edge", "10.0.0.2:5", synced), from("edge", "10.0.0.3:5", synced)
	b.Identity, c.Identity = "spiffe://b", "spiffe://b" // it has moved
	h.streams = []xdsserver.StreamStatus{a, again, b, c, from("edge-1", "10.0.0.1:7", synced)}
	var got NodesOfID
	if w := h.get(t, "/api/v1/nodes/edge"); json.Unmarshal(w.Body.Bytes(), &got) != nil || len(got.Nodes) != 2 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for i, want := range []string{"10.0.0.1  2 [10.0.0.1:5 10.0.0.1:6]", "10.0.0.2 spiffe://b 2 [10.0.0.2:5 10.0.0.3:5]"} {
		n := got.Nodes[i]
		var peers []string
		for _, t := range n.Types {
			peers = append(peers, t.Peer)
		}
		if is := fmt.Sprintf("%s %s %d %v", n.Address, n.Identity, n.Streams, peers); is != want {
			t.Errorf("%s, want %s", is, want)
		}
	}
	for id, want := range map[string]string{"edge-11": "edge-1", "x": "/api/v1/nodes lists all", "%1b%5b31m": `"\x1b[31m"`} {
		if w := h.get(t, "/api/v1/nodes/"+id); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", id, w.Code, w.Body)
		}
	}
}

func TestNodesThatDidNotChangeAreNotSentAgain(t *testing.T) {
	h := fleet()
	for _, path := range []string{"/api/v1/nodes", "/api/v1/nodes/edge-2"} {
		ask := func(tag string) *httptest.ResponseRecorder {
			w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
			r.Header.Set("If-None-Match", tag)
			h.server().Handler().ServeHTTP(w, r)
			return w
		}
		tag := ask("").Header().Get("ETag")
		if w := ask(tag); tag == "" || w.Code != http.StatusNotModified || w.Body.Len() > 0 {
			t.Errorf("%s: %q %d", path, tag, w.Code)
		}
		h.streams[1].Types[1].Behind++
		if w := ask(tag); w.Code != http.StatusOK || w.Header().Get("ETag") == tag {
			t.Errorf("%s: changed, and %d", path, w.Code)
		}
	}
}

func TestNoNodesAreAnEmptyList(t *testing.T) {
	h := empty()
	if w := h.get(t, "/api/v1/nodes"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"nodes": []`) || !strings.Contains(w.Body.String(), `"total": 0`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
