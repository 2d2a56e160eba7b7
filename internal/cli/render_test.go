package cli

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

const savedCatalog = `{
 "Format": "legate catalog 1",
 "Datacenter": "dc1",
 "Services": [
  {"Key": {"Datacenter": "dc1", "Name": "web"}, "Instances": [
   {"ID": "web-1", "Node": "n1", "Address": "10.0.0.1", "Port": 80, "Health": "passing", "Weights": {"Passing": 2, "Warning": 1}},
   {"ID": "web-2", "Node": "n1", "Address": "10.0.0.2", "Port": 0, "Health": "critical", "Weights": {"Passing": 1, "Warning": 1}}
  ]}
 ]
}`

func TestRenderPrintsResourcesAndSaysWhatIsLeftOut(t *testing.T) {
	path := file(t, "catalog.json", savedCatalog)
	r := legate(t, nil, "render", "--catalog", path)
	if r.code != 0 {
		t.Fatalf("%+v", r)
	}
	for _, want := range []string{
		"'@type': type.googleapis.com/envoy.config.cluster.v3.Cluster\n", "name: web\n",
		"'@type': type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment\n", "address: 10.0.0.1\n", "load_balancing_weight: 2\n",
	} {
		if !strings.Contains(r.out, want) {
			t.Errorf("want %q in:\n%s", want, r.out)
		}
	}
	if want := "left out: web.dc1, instance n1/web-2: port 0 (port): "; !strings.HasPrefix(r.err, want) {
		t.Errorf("want %q, got %q", want, r.err)
	}
	if strings.Contains(r.out, "10.0.0.2") {
		t.Error("what is left out is there")
	}
}

func TestNamesThatWouldSpoilATerminalAreQuoted(t *testing.T) {
	path := file(t, "catalog.json", strings.NewReplacer(`"Name": "web"`, `"Name": "w\u001b[31m\u202eb"`, `"ID": "web-2"`, `"ID": "web\n2"`).Replace(savedCatalog))
	r := legate(t, nil, "render", "--catalog", path)
	if want := `left out: "w\x1b[31m\u202eb.dc1": service name`; r.code != 0 || !strings.HasPrefix(r.err, want) || strings.Count(r.err, "\n") != 1 {
		t.Errorf("want %s, got %+v", want, r)
	}
}

func TestRenderAsJSONIsOneListInTheSameOrder(t *testing.T) {
	r := legate(t, nil, "render", "--catalog", file(t, "catalog.json", savedCatalog), "--format", "json")
	var list []map[string]any
	if err := json.Unmarshal([]byte(r.out), &list); err != nil {
		t.Fatalf("%v\n%s", err, r.out)
	}
	if len(list) != 2 || list[0]["name"] != "web" || list[1]["cluster_name"] != "web" {
		t.Errorf("%v", list)
	}
}

func TestStrictFailsIfAnythingIsLeftOut(t *testing.T) {
	path := file(t, "catalog.json", savedCatalog)
	if r := legate(t, nil, "render", "--catalog", path, "--strict"); r.code != exitFailed || !strings.Contains(r.err, "1 problem, and --strict allows none") {
		t.Errorf("%+v", r)
	}
	path = file(t, "good.json", strings.ReplaceAll(savedCatalog, `"Port": 0`, `"Port": 81`))
	if r := legate(t, nil, "render", "--catalog", path, "--strict"); r.code != 0 {
		t.Errorf("%+v", r)
	}
}

func TestASavedCatalogIsWrittenAsItWasRead(t *testing.T) {
	first := file(t, "first.json", savedCatalog)
	second, third := t.TempDir()+"/second.json", t.TempDir()+"/third.json"
	a := legate(t, nil, "render", "--catalog", first, "--save-catalog", second)
	b := legate(t, nil, "render", "--catalog", second, "--save-catalog", third)
	if a.code != 0 || a != b {
		t.Errorf("first %+v\nthen %+v", a, b)
	}
	x, errX := os.ReadFile(second)
	y, errY := os.ReadFile(third)
	if errX != nil || errY != nil || string(x) != string(y) {
		t.Errorf("the files differ: %v %v\n%s\n%s", errX, errY, x, y)
	}
}

func TestACatalogThatIsNotOneIsRefused(t *testing.T) {
	for name, content := range map[string]string{
		"another file":   `{"services": {}}`,
		"not JSON":       `consul:`,
		"later version":  `{"Format": "legate catalog 9"}`,
		"misspelt field": strings.Replace(savedCatalog, `"Port"`, `"Prot"`, 1),
		"unknown health": strings.Replace(savedCatalog, `"critical"`, `"ill"`, 1),
		"more after it":  savedCatalog + savedCatalog,
	} {
		if r := legate(t, nil, "render", "--catalog", file(t, "catalog.json", content)); r.code != exitUsage || !strings.Contains(r.err, "--save-catalog") {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestAFileThatCannotBeWrittenFailsAndNamesIt(t *testing.T) {
	path := file(t, "catalog.json", savedCatalog)
	if r := legate(t, nil, "render", "--catalog", path, "--save-catalog", "/no/such/folder/x.json"); r.code != exitFailed || !strings.Contains(r.err, `save catalog "/no/such/folder/x.json": no such file or directory`) {
		t.Errorf("%+v", r)
	}
}

func TestWhoAsksForConsulItselfIsTold(t *testing.T) {
	consul, _ := curiousConsul(t)
	r := legate(t, nil, "render", "--consul-addr", consul, "--include", "consul")
	if r.code != exitOK || !strings.Contains(r.err, "never served") || strings.Count(r.err, "never served") != 1 {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	if r := legate(t, nil, "render", "--consul-addr", consul, "--include", "*"); strings.Contains(r.err, "never served") {
		t.Errorf("who asks for all did not ask for that: %s", r.err)
	}
}

func TestConsulWaitIsHowLongQueriesWait(t *testing.T) {
	for _, c := range []struct {
		span string
		code int
	}{{"25s", exitOK}, {"0s", exitUsage}, {"11m", exitUsage}} {
		consul, _ := curiousConsul(t)
		r := legate(t, map[string]string{"LEGATE_CONSUL_WAIT": c.span}, "render", "--consul-addr", consul)
		if r.code != c.code {
			t.Errorf("%s: exit %d: %s", c.span, r.code, r.err)
		}
	}
	_, o := (&program{}).serveCommand()
	if o.consul.Consul.Wait != time.Minute {
		t.Errorf("the default is %v", o.consul.Consul.Wait)
	}
}

// Whoever may register a service chooses the names of its instances, but not how long Legate's
// lines are.
func TestLongNamesAreCut(t *testing.T) {
	path := file(t, "catalog.json", strings.NewReplacer(`"ID": "web-2"`, `"ID": "`+strings.Repeat("x", 4<<20)+`"`).Replace(savedCatalog))
	if r := legate(t, nil, "render", "--catalog", path); r.code != 0 || !strings.Contains(r.err, "left out: web.dc1, instance n1/xxx") || !strings.Contains(r.err, "(4194307 bytes)") || len(r.err) > 1000 {
		t.Errorf("exit %d, %d bytes: %.300s", r.code, len(r.err), r.err)
	}
}

// The resources stay exact, and cannot control a terminal.
func TestResourcesHoldNothingThatATerminalObeys(t *testing.T) {
	evil := "r\u202e31m\U000e0041"
	path := file(t, "catalog.json", strings.NewReplacer(`"ID": "web-1",`, `"ID": "web-1", "Locality": {"Region": "`+evil+`"},`).Replace(savedCatalog))
	for _, format := range []string{"yaml", "json"} {
		r := legate(t, nil, "render", "--catalog", path, "--format", format)
		if r.code != 0 || strings.ContainsAny(r.out+r.err, "\u202e\U000e0041") {
			t.Errorf("%s: exit %d: %q %q", format, r.code, r.out, r.err)
		}
	}
}

func TestAServiceThatLacksOnlyAPartOfItsPolicyIsNotCalledLeftOut(t *testing.T) {
	r := legate(t, nil, "render", "--catalog", savedWeb(t))
	if r.code != 0 || !strings.HasPrefix(r.err, "served without a part of its policy: web.dc1: owner legate-protocol: ") {
		t.Errorf("%+v", r)
	}
}
