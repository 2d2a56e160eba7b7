package admin

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"legate/internal/changes"
)

// yesterday is a house with a record of what changed, the oldest first.
func yesterday() *house {
	h := town()
	h.record = changes.New()
	health := func(instance, from, to string, checks ...string) changes.Line {
		return changes.Line{Op: changes.Tilde, What: "health", Instance: instance, Address: "10.0.0.8:80", From: from, To: to, Checks: checks}
	}
	at := func(ago time.Duration, c changes.Change) changes.Change {
		c.At = now.Add(-ago)
		if c.Kind != changes.Reload {
			c.Published = c.At
			c.Answered = c.At.Add(-3 * time.Millisecond)
		}
		return c
	}
	h.record.Add(
		at(26*time.Hour, changes.Change{Kind: changes.Snapshot, Lines: []changes.Line{{Op: changes.Plus, What: "complete", Detail: "8 services"}}}),
		at(20*time.Minute, changes.Change{Kind: changes.Service, Services: []string{"shop"}, Index: 30, Lines: []changes.Line{health("n1/shop-2", "passing", "critical", "http")}}),
		at(12*time.Minute, changes.Change{Kind: changes.Reload, Lines: []changes.Line{{Op: changes.Plus, What: "policy read again", Detail: "the file has changed"}}}),
		at(12*time.Minute, changes.Change{Kind: changes.Policy, Services: []string{"new", "newer", "shop", "sick", "web", "bad", "*"},
			Lines: []changes.Line{{Op: changes.Tilde, What: "policy", Key: "connect_timeout", From: "5s", To: "2s", Detail: "defaults policy.yaml:1"}}}),
		at(time.Minute, changes.Change{Kind: changes.Service, Services: []string{"web"}, Index: 31, Removed: 1, Lines: []changes.Line{{Op: changes.Minus, What: "instance", Instance: "n1/web-2", Address: "10.0.0.9:80"}}}),
		at(2*time.Second, changes.Change{Kind: changes.Service, Services: []string{"shop"}, Index: 32, Lines: []changes.Line{health("n1/shop-2", "critical", "passing")}}),
	)
	return h
}

// numbers are the changes that a page shows, by number.
func numbers(page string) (all string) {
	for _, m := range regexp.MustCompile(`<tr data-key="\w+-(\d+)"`).FindAllStringSubmatch(page, -1) {
		all += m[1]
	}
	return all
}

func TestThePageOfChangesShowsWhatTheAPIHas(t *testing.T) {
	h := yesterday()
	page := func(query string) string {
		t.Helper()
		w := h.get(t, "/changes"+query)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", query, w.Code, w.Body)
		}
		return w.Body.String()
	}
	for query, want := range map[string]string{
		"": "654321", "?service=shop": "642", "?service=sho": "", "?kind=policy": "4", "?kind=reload,snapshot": "31", "?service=shop&kind=service": "62", "?since=1h": "65432", "?limit=2": "65",
	} {
		if got := numbers(page(query)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for _, want := range []string{
		`<a href="/changes" aria-current="page">Changes</a>`, `<time datetime="2026-11-22T02:59:58.000Z">02:59:58.000</time></a><small>2 s ago</small>`, ">2026-11-21 01:00:00</time>",
		`<b class="warn">~</b> 10.0.0.8:80 health passing → critical (check http)`, `<b class="bad">−</b> 10.0.0.9:80`, `<b class="good">+</b> policy read again (the file has changed)`,
		`<td class="n wide">published +3 ms</td>`, `<td class="n wide">31</td>`, `<a href="/services/web">web</a> and 2 more<small>policy</small>`, `href="?kind=hold"`, "The newest changes.",
	} {
		if shown := html.UnescapeString(page("")); !strings.Contains(shown, want) {
			t.Errorf("want %q in\n%s", want, shown)
		}
	}
	if got := page("?service=shop&kind=policy"); !strings.Contains(got, `value="shop"`) || !strings.Contains(got, `name="kind" value="policy"`) || !strings.Contains(got, `href="?kind=service&amp;service=shop"`) ||
		!strings.Contains(got, `href="/api/v1/changes?kind=policy&amp;service=shop"`) || !strings.Contains(got, "The newest changes of shop of kind policy.") {
		t.Error(got)
	}
	if got := page("?service=nobody"); !strings.Contains(got, "No changes of nobody.") || !strings.Contains(got, `<a href="/changes">All changes</a>`) {
		t.Error(got)
	}
}

// A reader who goes back by ids misses nothing and sees nothing twice, whatever comes meanwhile.
func TestThePagesOfChangesFollowEachOther(t *testing.T) {
	h := yesterday()
	seen, path := "", "/changes?limit=2&since=48h"
	for range 5 {
		w := h.get(t, path)
		seen += numbers(w.Body.String())
		next := regexp.MustCompile(`<a href="(\?[^"]+)" rel="next">`).FindStringSubmatch(w.Body.String())
		if next == nil {
			break
		}
		path = "/changes" + strings.ReplaceAll(next[1], "&amp;", "&")
		h.record.Add(changes.Change{Kind: changes.Hold, At: now})
	}
	if seen != "654321" || !strings.Contains(path, "since=48h") {
		t.Errorf("%s by %s", seen, path)
	}
	if last := h.get(t, path).Body.String(); !strings.Contains(last, `<a href="?limit=2&amp;since=48h" rel="first">`) || !strings.Contains(last, "Older changes.") {
		t.Error(last)
	}
	if page := h.get(t, "/changes?before=other-3").Body.String(); !strings.Contains(page, "started anew") || numbers(page) != "" {
		t.Error(page)
	}
}

func TestTheServicesPageShowsItsOwnLastChanges(t *testing.T) {
	h := yesterday()
	for n := range 12 {
		h.record.Add(changes.Change{Kind: changes.Service, At: now, Services: []string{"web"}, Index: uint64(100 + n)})
	}
	for path, want := range map[string]string{"/services/shop": "642", "/services/web": "1817161514131211109", "/services/shop.grpc.port": "642", "/services/Empty": ""} {
		if got := numbers(h.get(t, path).Body.String()); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if page := h.get(t, "/services/shop").Body.String(); !strings.Contains(page, `<a href="/changes?service=shop">All changes of shop</a>`) {
		t.Error(page)
	}
	if page := town().get(t, "/services/shop"); page.Code != http.StatusOK || strings.Contains(page.Body.String(), "Last changes") {
		t.Errorf("without a record: %d %s", page.Code, page.Body)
	}
}

func TestChangesThatCannotBeShownSayWhy(t *testing.T) {
	for query, want := range map[string]string{
		"?kind=x": "some of snapshot service", "?before=x": "is not the id of a change", "?after=": "only /api/v1/changes follows", "?limit=0": "limit=0: a number", "?since=soon": "such as 10m", "?service=" + strings.Repeat("x", 257): "at most 256 bytes",
	} {
		if w := yesterday().get(t, "/changes"+query); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) || !strings.Contains(w.Body.String(), `<a href="/changes">All changes</a>`) {
			t.Errorf("%.40s: %d %s", query, w.Code, w.Body)
		}
	}
	if w := healthy().get(t, "/changes"); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "not recorded") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	h := healthy()
	h.record = changes.New()
	if w := h.get(t, "/changes"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Nothing has changed since the start") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Whatever somebody registers, and however much at once, the page is plain and bounded.
func TestAnyChangeCanBeShown(t *testing.T) {
	h := healthy()
	h.record = changes.New()
	for n := range 200 {
		c := changes.Change{Kind: changes.Service, At: now, Published: now, Services: hostile, Index: 1}
		for range 40 {
			name := hostile[n%len(hostile)]
			c.Lines = append(c.Lines, changes.Line{Op: changes.Tilde, What: "meta", Key: name, Instance: name, Address: name, From: name, To: name, Checks: []string{name}, Detail: name})
		}
		h.record.Add(c)
	}
	page := h.get(t, "/changes").Body.String()
	if n := len(page); n > 1_500_000 || strings.ContainsAny(page, "\u202e\u009b\x1b") || strings.Contains(page, "<script>alert") || strings.Contains(page, `"onload`) {
		t.Errorf("%d bytes, or not plain: %.5000s", n, page)
	}
	if want := "and 32 more lines"; !strings.Contains(page, want) || !strings.Contains(page, fmt.Sprintf("and %d more<small>", len(hostile)-maxChangeNames)) {
		t.Errorf("want %q in\n%.5000s", want, page)
	}
	for _, name := range hostile {
		h.record.Add(changes.Change{Kind: changes.Service, At: now, Services: []string{name}, Lines: []changes.Line{{Op: changes.Plus, What: "service"}}})
		if len(name) > maxSearch {
			continue
		}
		page := regexp.MustCompile(` value="[^"]*"`).ReplaceAllString(h.get(t, "/changes?kind=service&limit=1&service="+url.QueryEscape(name)).Body.String(), "") // the field has what was typed
		if len(numbers(page)) != 3 || strings.ContainsAny(page, "\u202e\u009b\x1b") || strings.Contains(page, "<script>alert") {
			t.Errorf("%q: %s", name, page)
		}
	}
}
