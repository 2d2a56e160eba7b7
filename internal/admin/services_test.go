package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/translate"
	"legate/xdsserver"
)

// town is a house with services of each kind. Each line is what a list of them shows.
func town() *house {
	h := healthy()
	sick, empty, bad := instance("sick", 80), instance("Empty", 80), instance("bad", 0)
	sick.Instances[0].Health, empty.Instances = catalog.Critical, nil
	h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Set: []catalog.Service{several(), sick, empty, bad, {Key: catalog.ServiceKey{Datacenter: "dc1", Name: "*"}}}})
	h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Set: []catalog.Service{instance("new", 80)}, Since: now.Add(-time.Second)})
	h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Set: []catalog.Service{instance("newer", 80)}, Since: now})
	h.holds = []discovery.Hold{{Service: "sick", Why: "shrunk"}, {Service: "sick", Entry: "service-defaults/sick", Why: "entry"}, {Entry: "proxy-defaults/global"}}
	h.reach = map[string]xdsserver.Reach{"shop": {Streams: 3, Have: 1}, "sick": {Streams: 3, Have: 2}, "new": {Streams: 3, Have: 3}}
	h.streams = append(h.streams, rejecting("odd", "shop.grpc.port", "no"), rejecting("odd-2", "gone", "no"))
	return h
}

func (h *house) services(t *testing.T, query string) (s Services) {
	t.Helper()
	w := h.get(t, "/api/v1/services"+query)
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%s: %d %v\n%s", query, w.Code, err, w.Body)
	}
	return s
}

func (s Services) names() string {
	var all []string
	for _, one := range s.Services {
		all = append(all, one.Name)
	}
	return strings.Join(all, " ")
}

func TestServicesAreFoundSortedAndPaged(t *testing.T) {
	h := town()
	for query, want := range map[string]string{
		"":                           "* Empty bad new newer shop sick web",
		"?sort=name":                 "* Empty bad new newer shop sick web",
		"?sort=-name":                "web sick shop newer new bad Empty *",
		"?sort=-instances&limit=2":   "shop bad",
		"?sort=instances&limit=3":    "* Empty bad",
		"?sort=-passing&limit=1":     "shop",
		"?sort=-warning&limit=1":     "shop",
		"?sort=-critical&limit=2":    "shop sick",
		"?sort=-maintenance&limit=1": "shop",
		"?sort=-problems":            "shop sick * bad Empty new newer web", // two each, one each, by name
		"?sort=-changed&limit=2":     "newer new",
		"?sort=-missing&limit=2":     "shop sick",
		"?q=EW":                      "new newer",
		"?q=e&sort=-name":            "web newer new Empty",
		"?only=problems":             "* bad shop sick",
		"?only=unhealthy":            "shop sick",
		"?only=down":                 "sick",
		"?only=left_out":             "*",
		"?only=problems&q=s":         "shop sick",
		"?limit=3&page=2":            "new newer shop",
		"?limit=3&page=99":           "sick web",
		"?q=nothing":                 "",
	} {
		got := h.services(t, query)
		if got.names() != want {
			t.Errorf("%s: %s, want %s", query, got.names(), want)
		}
		page := h.get(t, "/services"+query).Body.String()
		at := 0
		for _, name := range strings.Fields(want) {
			next := strings.Index(page[at:], `<tr data-key="`+name+`"`)
			if next < 0 {
				t.Errorf("%s: the page has no %s, or not in this order:\n%s", query, name, page)
				break
			}
			at += next + 1
		}
		if n := strings.Count(page, "<tr data-key"); n != len(got.Services) {
			t.Errorf("%s: %d rows, want %d", query, n, len(got.Services))
		}
	}
	if got := h.services(t, "?limit=3&page=2").Paging; got != (Paging{Total: 8, Page: 2, Pages: 3, Limit: 3}) {
		t.Errorf("%+v", got)
	}
}

// A row of the list is the head of the service's own answer.
func TestARowSaysWhatTheServiceSays(t *testing.T) {
	h := town()
	for _, row := range h.services(t, "").Services {
		if one := h.service(t, "/api/v1/services/"+url.PathEscape(row.Name)).ServiceSummary; one != row {
			t.Errorf("the row says %+v, the service %+v", row, one)
		}
	}
	page := h.get(t, "/services").Body.String()
	for _, want := range []string{"8 services.", ">left out<", ">down<", ">no instances<", ">1 s ago<", ">not since the start<", `<a href="/services/shop">shop</a>`, `aria-sort="ascending"><a href="?sort=-name">Service`} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
}

func TestALinkKeepsAllElseOfTheQuery(t *testing.T) {
	page := town().get(t, "/services?q=S&only=problems&sort=-critical&limit=1&page=1").Body.String()
	for _, want := range []string{
		`value="S"`, `name="only" value="problems"`, `name="sort" value="-critical"`, `href="?limit=1&amp;only=problems&amp;q=S&amp;sort=critical"`, `href="?limit=1&amp;q=S&amp;sort=-critical"`,
		`<a href="/api/v1/services?limit=1&amp;only=problems&amp;q=S&amp;sort=-critical">`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in\n%s", want, page)
		}
	}
	if page := town().get(t, "/services?limit=3&page=2").Body.String(); !strings.Contains(page, `href="?limit=3" rel="prev"`) || !strings.Contains(page, `href="?limit=3&amp;page=3" rel="next"`) || !strings.Contains(page, "4–6 of 8") {
		t.Error(page)
	}
}

func TestAWrongQuerySaysWhatIsAllowed(t *testing.T) {
	h := town()
	for query, want := range map[string]string{
		"?sort=size": "sort=size: one of name, instances,", "?sort=--name": "sort=-name: one of", "?only=good": "only=good: one of problems, unhealthy, down, left_out",
		"?page=0": "page=0: a number from 1 to", "?limit=1001": "limit=1001: a number from 1 to 1000", "?q=" + strings.Repeat("x", 257): "q: at most 256 bytes", "?sort=%E2%80%AE": "\"\\u202e\": one of",
	} {
		for _, path := range []string{"/services", "/api/v1/services"} {
			if w := h.get(t, path+query); w.Code != 400 || !strings.Contains(strings.ReplaceAll(w.Body.String(), "&#34;", `"`), want) {
				t.Errorf("%s%.40s: %d %s", path, query, w.Code, w.Body)
			}
		}
	}
	for _, path := range []string{"/services", "/api/v1/services"} {
		if w := empty().get(t, path); w.Code != 503 || !strings.Contains(w.Body.String(), "waiting for the first answer") {
			t.Errorf("at the start: %d %s", w.Code, w.Body)
		}
	}
}

// city is a house with that many services of eight instances each, some with problems, and clients.
func city(services, streams int) *house {
	h := healthy()
	var all []catalog.Service
	for n := range services {
		s := catalog.Service{Key: catalog.ServiceKey{Datacenter: "dc1", Name: fmt.Sprintf("service-%05d", n)}}
		for i := range 8 {
			s.Instances = append(s.Instances, catalog.Instance{ID: fmt.Sprint(s.Key.Name, "-", i), Node: fmt.Sprintf("node-%03d", (n+i)%500), Address: fmt.Sprintf("10.%d.%d.%d", n/250, n%250, i+1),
				Port: 8080, Health: catalog.Health((n % 7) * i / 16), Weights: catalog.Weights{Passing: 1, Warning: 1}})
		}
		if n%20 == 0 {
			s.Instances[0].Port = 0
		}
		all = append(all, s)
	}
	h.state.Resources, _ = h.state.Resources.Apply(catalog.Delta{Set: all})
	for n := range streams {
		st := stream(fmt.Sprint("edge-", n), xdsserver.Synced, "")
		if n%50 == 0 {
			st = rejecting(fmt.Sprint("edge-", n), fmt.Sprintf("service-%05d", n), "malformed")
		}
		h.streams = append(h.streams, st)
	}
	h.dump = map[xdsserver.View][]translate.Resource{}
	return h
}

func TestTheListIsShortWhateverTheCatalog(t *testing.T) {
	h := city(3000, 10)
	for _, path := range []string{"/services", "/api/v1/services", "/services?only=problems&sort=-problems"} {
		if w := h.get(t, path); w.Code != 200 || w.Body.Len() > 100_000 {
			t.Errorf("%s: %d, %d bytes", path, w.Code, w.Body.Len())
		}
	}
}
