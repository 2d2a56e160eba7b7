package admin

import (
	"encoding/json"
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"legate/internal/changes"
	"legate/translate"
	"legate/xdsserver"
)

func TestAChangeSaysHowFarClientsHaveCome(t *testing.T) {
	published := now.Add(-time.Minute)
	at := func(after time.Duration) time.Time { return published.Add(after) }
	endpoints, clusters := translate.Name{Type: translate.AssignmentType, Name: "web"}, translate.Name{Type: translate.ClusterType, Name: "web"}
	stuck := xdsserver.Awaited{Stream: "delta-1", Node: "edge-2", State: xdsserver.Nacked, Since: published, Why: "no <b>"}
	for _, c := range []struct {
		what                 string
		arrived              []xdsserver.Arrival
		sent, acked, verdict string
	}{
		{"not remembered", nil, "", "", "How far clients have come with it is not remembered."},
		{"nobody asks", []xdsserver.Arrival{{Name: endpoints}}, "no client", "", "No client asked for it when it was published."},
		{"not sent", []xdsserver.Arrival{{Name: endpoints, Asked: 2, MissingCount: 2}}, "not yet", "2 missing", "0 of 2 clients acknowledged it; 2 missing."},
		{"all have it", []xdsserver.Arrival{{Name: endpoints, Asked: 2, FirstSent: at(time.Millisecond), LastAck: at(39 * time.Millisecond)}}, "+3 ms", "+41 ms",
			"2 of 2 clients acknowledged it, the last one 41 ms after Consul's answer."},
		{"the worst counts", []xdsserver.Arrival{
			{Name: clusters, Asked: 3, FirstSent: published, LastAck: at(time.Second)},
			{Name: endpoints, Asked: 3, Left: 1, MissingCount: 1, FirstSent: at(time.Millisecond), LastAck: at(3 * time.Second), Missing: []xdsserver.Awaited{stuck}},
			{Name: endpoints, View: dc2, Asked: 1, FirstSent: at(time.Second), LastAck: at(2 * time.Second)},
		}, "+2 ms", "+3.0 s, 1 missing", "2 of 4 clients acknowledged it, the last one 3.0 s after Consul's answer; 1 left before; 1 missing."},
		{"the cluster is rejected, and its endpoints are taken", []xdsserver.Arrival{
			{Name: clusters, Asked: 1, MissingCount: 1, FirstSent: at(0), Missing: []xdsserver.Awaited{stuck}},
			{Name: endpoints, Asked: 1, FirstSent: at(0), LastAck: at(time.Second)},
		}, "+2 ms", "1 missing", "0 of 1 client acknowledged it; 1 missing."},
		{"all left", []xdsserver.Arrival{{Name: endpoints, Asked: 1, Left: 1, FirstSent: at(0)}}, "+2 ms", "1 client left", "0 of 1 client acknowledged it; 1 left before."},
		{"overtaken", []xdsserver.Arrival{{Name: endpoints, Asked: 3, MissingCount: 2, FirstSent: at(0), LastAck: at(time.Millisecond), Overtaken: at(3 * time.Millisecond), Missing: []xdsserver.Awaited{stuck}}},
			"+2 ms", "+3 ms, 1 of 3 had it when it was overtaken", "1 of 3 clients acknowledged it, the last one 3 ms after Consul's answer; it was overtaken after 3 ms."},
		{"overtaken at once", []xdsserver.Arrival{{Name: endpoints, Asked: 1, MissingCount: 1, Overtaken: at(0)}}, "never", "0 of 1 had it when it was overtaken",
			"0 of 1 client acknowledged it; it was overtaken after 1 ms."},
	} {
		h := healthy()
		h.record, h.arrived = changes.New(), c.arrived
		one := changes.Change{Kind: changes.Service, At: published, Answered: at(-2 * time.Millisecond), Published: published, Services: []string{"web"}, Lines: []changes.Line{{Op: changes.Plus, What: "service"}}}
		next := one
		next.Published = at(3 * time.Millisecond)
		h.record.Add(one, next)
		id := changes.ID{Mark: h.record.Newest().Mark, Number: 1}.String()
		var got Changed
		if w := h.get(t, "/api/v1/changes/"+id); w.Code != http.StatusOK || json.Unmarshal(w.Body.Bytes(), &got) != nil {
			t.Fatalf("%s: %d %s", c.what, w.Code, w.Body)
		}
		if _, verdict := got.Verdict(); got.Sent() != c.sent || got.Acked() != c.acked || verdict != c.verdict {
			t.Errorf("%s: sent %q, acked %q: %q", c.what, got.Sent(), got.Acked(), verdict)
		}
		if d := got.Delivery; d != nil && d.Overtaken.Equal(next.Published) != (d.OvertakenBy.Number == 2) {
			t.Errorf("%s: overtaken by %v at %v", c.what, d.OvertakenBy, d.Overtaken)
		}
		list := h.get(t, "/changes").Body.String()
		page := h.get(t, "/changes/"+id).Body.String()
		for _, want := range []string{c.sent, c.acked} {
			if !strings.Contains(html.UnescapeString(list), ">"+want+"</td>") && want != "" || !strings.Contains(html.UnescapeString(page), c.verdict) {
				t.Errorf("%s: %q and %q in\n%s", c.what, want, c.verdict, page)
			}
		}
		if missing := strings.Contains(page, `<a href="/nodes/edge-2">edge-2</a>`) && strings.Contains(page, "no &lt;b&gt;"); missing != (got.Delivery != nil && len(got.Delivery.Missing) > 0) {
			t.Errorf("%s: who is missing is shown: %v", c.what, missing)
		}
		if strings.Contains(h.get(t, "/api/v1/changes").Body.String(), "edge-2") {
			t.Errorf("%s: the list has who is missing", c.what)
		}
	}
}

func TestAChangeThatIsNotThereSaysWhy(t *testing.T) {
	h := yesterday()
	mark := h.record.Newest().Mark
	for id, want := range map[string]string{"x": "is not the id of a change", "other-1": "is not of this start", mark + "-99": "is not remembered"} {
		for _, path := range []string{"/changes/", "/api/v1/changes/"} {
			if w := h.get(t, path+id); w.Code != http.StatusNotFound || !strings.Contains(html.UnescapeString(w.Body.String()), want) {
				t.Errorf("%s%s: %d %s", path, id, w.Code, w.Body)
			}
		}
	}
	for _, path := range []string{"/changes/", "/api/v1/changes/"} {
		if w := healthy().get(t, path+mark+"-1"); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "not recorded") {
			t.Errorf("%s without a record: %d %s", path, w.Code, w.Body)
		}
	}
}
