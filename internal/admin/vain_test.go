package admin

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"legate/translate"
	"legate/xdsserver"
)

func TestAResponseThatIsTooLargeIsOnThePageForAWhile(t *testing.T) {
	h := healthy()
	h.large = []xdsserver.Oversize{
		{Type: translate.ClusterType, Protocol: "sotw", Bytes: 4 << 20, Node: "edge-1", Count: 2, Last: now.Add(-time.Minute), Remedy: "ask incrementally"},
		{Type: translate.AssignmentType, Protocol: "delta", Bytes: 4 << 20, Name: "big", Node: "edge-1", Count: 1, Last: now.Add(-time.Hour)},
	}
	page := h.get(t, "/").Body.String()
	for _, want := range []string{"all clusters has 4.0 MiB and cannot be split (sotw)", "2 times so far", "to edge-1", "ask incrementally"} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	if n := boxes(page); n != 1 {
		t.Errorf("%d boxes, want 1", n)
	}
}

func TestNamesAskedForInVainAreOnThePageWithWhoAsks(t *testing.T) {
	h := healthy()
	for i := range 3 {
		st := stream(fmt.Sprint("edge-", i), xdsserver.Synced, "")
		st.Types[0].Type, st.Types[0].InVainCount = translate.AssignmentType, 1
		st.Types[0].InVain = []xdsserver.Missing{{Name: "wbe", Why: "Consul has no service of this name"}}
		h.streams = append(h.streams, st)
	}
	more := &h.streams[1].Types[0]
	more.InVain, more.InVainCount = append(more.InVain, xdsserver.Missing{Name: "xdstp://a/b", Why: "not served"}), 15
	page := unlinked(h.get(t, "/").Body.String())
	for _, want := range []string{
		"endpoints of wbe asked for in vain by 3 Envoys", "<li>edge-2</li>", "Consul has no service of this name",
		"endpoints of xdstp://a/b asked for in vain by Envoy edge-0", "Envoy edge-0 asks in vain for endpoints of 13 names more",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	if n := boxes(page); n != 3 {
		t.Errorf("%d boxes, want 3", n)
	}
	if text := h.get(t, "/api/v1/status").Body.String(); !strings.Contains(text, `"in_vain_count": 15`) {
		t.Errorf("not in the status: %s", text)
	}
}

func TestWhoFollowsNothingIsOnThePageWithWhatHelps(t *testing.T) {
	h := healthy()
	for _, node := range []string{"edge-7", "edge-8"} {
		st := stream(node, xdsserver.Nacked, "ADS must be configured")
		st.Types[0].Remedy = "let it use ADS"
		h.streams = append(h.streams, st)
	}
	page := h.get(t, "/").Body.String()
	for _, want := range []string{"2 Envoys reject clusters", "ADS must be configured", "let it use ADS", "<li>edge-8</li>"} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
}

func TestWhoTakesClustersAndFollowsNoneIsOnThePage(t *testing.T) {
	h := healthy()
	h.lost = []xdsserver.Unfollowed{
		{Node: "edge-7", Peer: "10.0.0.7:5", Way: "delta", Since: now.Add(-time.Minute), Remedy: "name another cluster"},
		{Node: "edge-8", Peer: "10.0.0.8", Way: "rest", Since: now.Add(-time.Hour), Remedy: "use ADS"},
		{Node: "edge-9", Peer: "10.0.0.9", Way: "rest", Since: now.Add(-time.Minute), Remedy: "use ADS"},
	}
	page := h.get(t, "/").Body.String()
	for _, want := range []string{
		"1 client took clusters and never asked", "2 clients took clusters and never asked", "name another cluster", "use ADS",
		"<li>edge-8 (rest, from 10.0.0.8), for 1 h 0 min</li>", `class="verdict bad"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	if n := boxes(page); n != 2 {
		t.Errorf("%d boxes, want 2", n)
	}
	if text := h.get(t, "/api/v1/status").Body.String(); !strings.Contains(text, `"node": "edge-7"`) {
		t.Errorf("not in the status: %s", text)
	}
}
