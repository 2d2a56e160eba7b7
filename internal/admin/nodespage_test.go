package admin

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"legate/translate"
	"legate/xdsserver"
)

// ids are the nodes that a page lists.
func ids(page string) (all string) {
	for _, m := range regexp.MustCompile(`<th scope="row" class="node"><a href="/nodes/edge-(\d+)">`).FindAllStringSubmatch(page, -1) {
		all += " " + m[1]
	}
	return strings.TrimSpace(all)
}

func TestThePageListsTheNodesOfTheAPI(t *testing.T) {
	h := fleet()
	h.streams[2].Types[1].Nacks = 4
	for _, query := range []string{"", "?sort=-urgency&limit=2", "?sort=id", "?sort=-behind&limit=3", "?sort=-waiting", "?only=unsynced", "?only=nacked", "?only=stale", "?only=not_sent", "?only=synced", "?q=EDGE-2", "?q=nobody", "?limit=3&page=2", "?limit=3&page=99"} {
		w := h.get(t, "/nodes"+query)
		if got, want := ids(w.Body.String()), h.nodesOf(t, query).ids(); got != want || w.Code != http.StatusOK {
			t.Errorf("%s: %d %s, want %s\n%s", query, w.Code, got, want, w.Body)
		}
	}
	page := h.get(t, "/nodes").Body.String()
	for _, want := range []string{
		`<a href="/nodes" aria-current="page">Nodes</a>`, `7 nodes. Of their types, 1 <b class="bad">NACKED</b>, 2 <b class="warn">STALE</b>, 2 <b class="quiet">NOT SENT</b>, 6 <b class="good">SYNCED</b>.`,
		`<td class="n look">7</td>`, `<td class="wide">10 min 0 s</td>`, `<td class="n bad">4</td>`, "no subscription yet", `aria-sort="ascending"><a href="?sort=-urgency">State`, `<a href="?sort=-behind">Behind</a>`, `<a href="/api/v1/nodes">`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	if page := h.get(t, "/nodes?q=E&only=stale&sort=id&limit=1").Body.String(); !strings.Contains(page, `href="?limit=1&amp;only=stale&amp;page=2&amp;q=E&amp;sort=id" rel="next"`) || !strings.Contains(page, "2 nodes with something that is not acknowledged yet, of those with E in") {
		t.Error(page)
	}
	for query, want := range map[string]string{"?only=bad": "only=bad: one of", "?sort=age": "sort=age: one of"} {
		if w := h.get(t, "/nodes"+query); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) || !strings.Contains(w.Body.String(), `<a href="/nodes">All nodes</a>`) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	if page := empty().get(t, "/nodes").Body.String(); !strings.Contains(page, "No Envoy is connected") {
		t.Error(page)
	}
}

func TestANodesPageSaysWhatItWasSentAcknowledgedAndRejected(t *testing.T) {
	h := fleet()
	rejects := &h.streams[2].Types[1]
	rejects.Rejection, rejects.Rejected, rejects.RejectedCount, rejects.Remedy = "Error adding", map[string]string{"web": "malformed IP address: 10.0.0.1.9", "api": "no port"}, 12, "look at both"
	rejects.SentVersion, rejects.AckedVersion, rejects.LastSent, rejects.LastAck = "v-sent", "v-acked", now.Add(-40e9), now.Add(-50e9)
	page := h.get(t, "/nodes/edge-3").Body.String()
	for _, want := range []string{
		`<a href="/nodes">Nodes</a>`, "<h1>edge-3</h1>", `class="verdict bad"`, "It rejects something of 1 type.", `<small><a href="/services/web">web</a>: malformed IP address: 10.0.0.1.9</small>`,
		"and 10 more are rejected", `<small class="remedy">look at both</small>`, "40 s ago<small>v-sent</small>", "50 s ago<small>v-acked</small>", `<a href="/api/v1/nodes/edge-3">`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	if first := strings.Index(page, "NACKED"); first > strings.Index(page, "SYNCED") {
		t.Error("what is rejected is not first")
	}
	for id, want := range map[string]string{
		"edge-1": "It has all that it asks for.", "edge-2": "It does not have all of 1 type yet, and is 2 versions behind.", "edge-5": "and is 1 version behind.", "edge-6": "It has all that it asks for.", "edge-7": "It has asked for nothing yet.",
	} {
		if page := h.get(t, "/nodes/"+id).Body.String(); !strings.Contains(page, want) {
			t.Errorf("%s: want %q in\n%s", id, want, page)
		}
	}
	w := h.get(t, "/nodes/egde-1")
	if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), `Did you mean <a href="/nodes/edge-1">edge-1</a>?`) || strings.Contains(w.Body.String(), "selection") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := h.get(t, "/nodes/edge-1?page=x"); w.Code != http.StatusBadRequest {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if page := h.get(t, "/").Body.String(); !strings.Contains(page, `<a href="/nodes/edge-3">edge-3</a>`) {
		t.Error("the overview does not lead to the nodes")
	}
}

func TestNodesThatShareAnIDAreOnOnePage(t *testing.T) {
	h := healthy()
	h.streams = []xdsserver.StreamStatus{from("edge", "10.0.0.1:5", is(xdsserver.Synced, 0, 0)), from("edge", "10.0.0.2:5", is(xdsserver.Nacked, 0, 0))}
	page := h.get(t, "/nodes/edge").Body.String()
	for _, want := range []string{"Clients that share this id", "10.0.0.1:5", "10.0.0.2:5", "It rejects something of 1 type."} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	for range 300 {
		h.streams = append(h.streams, from("edge", fmt.Sprintf("10.0.%d.9:1", len(h.streams)), is(xdsserver.Synced, 0, 0), is(xdsserver.Synced, 0, 0)))
	}
	if page := h.get(t, "/nodes/edge?page=2").Body.String(); !strings.Contains(page, "101–200 of 602") || len(page) > 200_000 {
		t.Errorf("%d bytes: %.3000s", len(page), page)
	}
}

// Each id is one line of plain text, and the link that it is leads to its page.
func TestAnyNodeCanBeShownAndFollowed(t *testing.T) {
	h := healthy()
	for n, name := range hostile {
		st := rejecting(name, name, name)
		st.ID = fmt.Sprint("delta-", n)
		st.Cluster, st.Agent, st.Identity = name, name, name
		st.Types[0].Remedy, st.Types[0].InVain = name, []xdsserver.Missing{{Name: name, Why: name}}
		h.streams = append(h.streams, st)
	}
	h.streams = append(h.streams, from("", "10.0.0.1:5", is(xdsserver.Synced, 0, 0)))
	found := map[string]bool{"/nodes": true}
	for _, page := range []string{"/", "/nodes"} {
		for _, m := range regexp.MustCompile(`href="(/nodes/[^"?]+)"`).FindAllStringSubmatch(h.get(t, page).Body.String(), -1) {
			found[html.UnescapeString(m[1])] = true
		}
	}
	for path := range found {
		w := h.get(t, path)
		body := w.Body.String()
		if w.Code != http.StatusOK || strings.ContainsAny(body, "\u202e\u009b\x1b") || strings.Contains(body, "<script>alert") || strings.Contains(body, `"onload`) || len(body) > 150_000 {
			t.Errorf("%.80s: %d, %d bytes, or not plain:\n%s", path, w.Code, len(body), body)
		}
	}
	if len(found) < len(hostile)-3 { // not the folders, nor what is too long
		t.Errorf("links lead to %d of %d: %v", len(found), len(hostile), found)
	}
	if page := h.get(t, "/nodes").Body.String(); !strings.Contains(page, "(no id)") {
		t.Error("a node without an id is not listed")
	}
	h.streams[1].Types[0].Type, h.streams[1].Types[0].Rejected = translate.SecretType, map[string]string{"web": "no"}
	if page := h.get(t, nodePath(hostile[0])).Body.String(); strings.Contains(page, `<a href="/services/web">`) {
		t.Error("a secret's name is taken for a service's")
	}
}

func TestThePageOfNodesHasThoseThatAskOverREST(t *testing.T) {
	h := healthy()
	h.polls = []xdsserver.Poller{{Node: "rest-<1>", Address: "10.0.0.9", Last: now.Add(-3 * time.Second), Types: []xdsserver.PolledType{{Type: translate.ClusterType, State: xdsserver.Stale}}}}
	for query, want := range map[string]bool{"": true, "?q=REST": true, "?q=edge": false, "?only=stale": false} {
		page, api := h.get(t, "/nodes"+query).Body.String(), h.get(t, "/api/v1/nodes"+query).Body.String()
		if strings.Contains(page, "rest-&lt;1&gt;<small>10.0.0.9</small>") != want || strings.Contains(api, "10.0.0.9") != want || !strings.Contains(api, `"pollers": [`) {
			t.Errorf("%s: %s\n%s", query, page, api)
		}
	}
}
