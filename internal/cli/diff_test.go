package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/internal/lastknown"
)

// The catalogs of docs/diff.md.
const (
	catalogBefore = `{"Format": "legate catalog 1", "Datacenter": "dc1", "Services": [
 {"Key": {"Datacenter": "dc1", "Name": "api"}, "Instances": [{"ID": "api-1", "Node": "n1", "Address": "10.0.0.9", "Port": 80, "Health": "passing", "Weights": {"Passing": 1, "Warning": 1}}]},
 {"Key": {"Datacenter": "dc1", "Name": "web"}, "Instances": [{"ID": "web-1", "Node": "n1", "Address": "10.0.0.7", "Port": 80, "Health": "passing", "Weights": {"Passing": 3, "Warning": 1}}]}]}`
	catalogAfter = `{"Format": "legate catalog 1", "Datacenter": "dc1", "Services": [
 {"Key": {"Datacenter": "dc1", "Name": "shop"}, "Instances": [{"ID": "shop-1", "Node": "n1", "Address": "10.0.0.4", "Port": 80, "Health": "passing", "Weights": {"Passing": 1, "Warning": 1}}]},
 {"Key": {"Datacenter": "dc1", "Name": "web"}, "Instances": [
  {"ID": "web-1", "Node": "n1", "Address": "10.0.0.7", "Port": 80, "Health": "critical", "Weights": {"Passing": 1, "Warning": 1}},
  {"ID": "web-2", "Node": "n1", "Address": "10.0.0.8", "Port": 80, "Health": "passing", "Weights": {"Passing": 1, "Warning": 1}, "Locality": {"Region": "eu", "Zone": "b"}},
  {"ID": "web-3", "Node": "n1", "Address": "10.0.0.3", "Port": 0, "Health": "passing", "Weights": {"Passing": 1, "Warning": 1}}]}],
 "Entries": [{"Key": {"Kind": "service-resolver", "Name": "web"}, "ConnectTimeout": 2000000000}]}`
)

// documented is the output that a page of docs/ shows of a command.
func documented(t *testing.T, page, command string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "```\n$ "+command+"\n")
	output, _, closed := strings.Cut(after, "```\n")
	if !found || !closed {
		t.Fatalf("docs/%s does not show %q", page, command)
	}
	return output
}

func TestDiffPrintsWhatTheDocumentationShows(t *testing.T) {
	a, b := file(t, "before.json", catalogBefore), file(t, "after.json", catalogAfter)
	got := legate(t, nil, "diff", a, b)
	if want := documented(t, "diff.md", "legate diff before.json after.json"); got != (result{4, want, ""}) {
		t.Errorf("exit %d:\n%s%s\nwant\n%s", got.code, got.out, got.err, want)
	}
	back := legate(t, nil, "diff", b, a)
	for _, want := range []string{"api  + cluster", "shop  - cluster\n", "no longer left out: web.dc1, instance n1/web-3", "1 service came, 1 gone, 1 changed, of 3"} {
		if back.code != 4 || !strings.Contains(back.out, want) {
			t.Errorf("the other way round: no %q in\n%s", want, back.out)
		}
	}
}

// All forms of the same catalog are equal, and differ from another in the same way.
func TestDiffReadsCatalogsAndWhatRenderPrinted(t *testing.T) {
	forms := map[string]string{}
	for name, content := range map[string]string{"before": catalogBefore, "after": catalogAfter} {
		saved := file(t, name+".json", content)
		forms[name+" saved"] = saved
		for _, format := range []string{"yaml", "json"} {
			forms[name+" "+format] = file(t, name, legate(t, nil, "render", "--catalog", saved, "--format", format).out)
		}
		datacenter, c, err := loadCatalog(saved)
		if err != nil {
			t.Fatal(err)
		}
		var kept strings.Builder
		if err := lastknown.Encode(&kept, lastknown.Header{Scope: lastknown.Scope{Datacenter: datacenter}, Believed: time.Now()}, c); err != nil {
			t.Fatal(err)
		}
		forms[name+" last known"] = file(t, name, kept.String())
	}
	for _, one := range []string{"before saved", "after yaml"} {
		a := forms[one]
		for other, b := range forms {
			got := legate(t, nil, "diff", a, b)
			same := strings.HasPrefix(other, strings.Fields(one)[0])
			if want := map[bool]int{true: 0, false: 4}[same]; got.code != want || got.err != "" || same && got.out != "equal: 2 services\n" {
				t.Errorf("%s and %s: %+v", one, other, got)
			}
		}
	}
}

func TestDiffAsJSONIsAnObjectForEachDifference(t *testing.T) {
	a, b := file(t, "before.json", catalogBefore), file(t, "after.json", catalogAfter)
	got := legate(t, nil, "diff", "--json", a, b)
	var seen []string
	for line := range strings.Lines(got.out) {
		var d struct{ Service, Op, What string }
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		seen = append(seen, d.Op+d.Service+" "+d.What)
	}
	want := "-api endpoint, -api cluster, +shop cluster, +shop endpoint, ~web cluster, ~web endpoint, +web endpoint, +web.dc1 problem"
	if got.code != 4 || strings.Join(seen, ", ") != want {
		t.Errorf("exit %d: %s", got.code, strings.Join(seen, ", "))
	}
	if got := legate(t, nil, "diff", "--json", a, a); got != (result{}) {
		t.Errorf("%+v", got)
	}
}

func TestDiffOfHostNamesNeedsNoDNS(t *testing.T) {
	c := catalog.Of(catalog.Service{Key: catalog.ServiceKey{Datacenter: "dc1", Name: "web"}, Instances: []catalog.Instance{{ID: "a", Node: "n", Address: "no-such-host.invalid", Port: 80}}})
	keep := func(address string) string {
		var kept strings.Builder
		h := lastknown.Header{Scope: lastknown.Scope{Datacenter: "dc1"}}
		if err := json.Unmarshal([]byte(`{"no-such-host.invalid": ["`+address+`"]}`), &h.Hosts); err != nil {
			t.Fatal(err)
		}
		if err := lastknown.Encode(&kept, h, c); err != nil {
			t.Fatal(err)
		}
		return file(t, "catalog", kept.String())
	}
	got := legate(t, nil, "diff", keep("10.0.0.1"), keep("10.0.0.2"))
	if !strings.HasPrefix(got.out, "web  - 10.0.0.1:80 (") || !strings.Contains(got.out, "\nweb  + 10.0.0.2:80 (") {
		t.Errorf("%+v", got)
	}
}

func TestDiffOfWhatIsNoCatalogFailsWith1AndNamesTheFile(t *testing.T) {
	good := file(t, "good.json", catalogBefore)
	for content, want := range map[string]string{
		`{"Format": "legate catalog 9"}`: "this version reads",
		"hello":                          "neither a catalog nor an output of render",
		"[1]":                            "neither a catalog nor an output of render",
		"a: [":                           "neither a catalog nor an output of render",
		"legate-last-known 5\n":          "it is cut short",
		`'@type': type.googleapis.com/no.such.Type`:                             "neither a catalog nor",
		`'@type': type.googleapis.com/google.protobuf.Duration` + "\nvalue: 1s": "neither a cluster nor an assignment",
		`{"Format": "legate catalog 1"}`:                                        "datacenter",
	} {
		bad := file(t, "bad", content)
		for _, paths := range [][]string{{good, bad}, {bad, good}} {
			if got := legate(t, nil, append([]string{"diff"}, paths...)...); got.code != 1 || got.out != "" || !strings.Contains(got.err, `read "`+bad+`": `) || !strings.Contains(got.err, want) {
				t.Errorf("%q: %+v", content, got)
			}
		}
	}
	if got := legate(t, nil, "diff", good, "/no/such"); got.code != 1 || !strings.Contains(got.err, `read "/no/such": no such file`) {
		t.Errorf("%+v", got)
	}
	if got := legate(t, nil, "diff", good); got.code != exitUsage || !strings.Contains(got.err, `"legate diff" needs A B`) {
		t.Errorf("%+v", got)
	}
}

func TestThePolicyCountsInBothCatalogs(t *testing.T) {
	a, b := file(t, "a.json", catalogBefore), file(t, "b.json", catalogAfter)
	rules := file(t, "policy.yaml", "services:\n- match: {names: [web]}\n  connect_timeout: 9s\n")
	if got := legate(t, nil, "diff", "--policy", rules, a, b); got.code != 4 || strings.Contains(got.out, "connect_timeout 5s -> 2s") {
		t.Errorf("%+v", got)
	}
}
