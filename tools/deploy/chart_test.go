package deploy

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/strvals"
	"sigs.k8s.io/yaml"
)

const chartFolder = top + "/examples/helm/legate"

// valueSets are the values that the chart is tried with: testdata/chart.
var valueSets = []string{"try", "full", "lean"}

func valuesOf(t testing.TB, set string) chartutil.Values {
	t.Helper()
	v, err := chartutil.ReadValuesFile(filepath.Join("testdata", "chart", set+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func loadChart(t testing.TB) *chart.Chart {
	t.Helper()
	c, err := loader.Load(chartFolder)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rendered is what "helm template" makes of the chart with these values: by the name of the template.
func rendered(t testing.TB, values chartutil.Values) (map[string]string, error) {
	t.Helper()
	c := loadChart(t)
	all, err := chartutil.ToRenderValues(c, values, chartutil.ReleaseOptions{Name: "legate", Namespace: "mesh", Revision: 1, IsInstall: true}, nil)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(c, all)
	if err != nil {
		return nil, err
	}
	short := map[string]string{}
	for name, text := range files {
		if strings.TrimSpace(text) != "" {
			short[filepath.Base(name)] = text
		}
	}
	return short, nil
}

func mustRender(t testing.TB, set string) map[string]string {
	t.Helper()
	files, err := rendered(t, valuesOf(t, set))
	if err != nil {
		t.Fatalf("%s: %v", set, err)
	}
	return files
}

func TestHelmHasNothingToSayAboutTheChart(t *testing.T) {
	for _, set := range append(valueSets, "") {
		values := chartutil.Values{}
		if set != "" {
			values = valuesOf(t, set)
		}
		for _, m := range lint.All(chartFolder, values, "mesh", true).Messages {
			if m.Err.Error() != "icon is recommended" {
				t.Errorf("with %q: %v", set, m)
			}
		}
	}
}

// What the chart makes, as files to read. Dashboards and rules stand there by their names.
func TestTheChartMakesWhatItShould(t *testing.T) {
	for _, set := range valueSets {
		files := mustRender(t, set)
		var b strings.Builder
		for _, name := range slices.Sorted(maps.Keys(files)) {
			b.WriteString("# " + name + "\n" + strings.TrimSpace(shortened(t, name, files[name])) + "\n")
		}
		same(t, "chart/"+set+".golden", b.String())
	}
}

// shortened leaves out what the other tests compare with its source.
func shortened(t testing.TB, name, text string) string {
	t.Helper()
	if name != "dashboards.yaml" && name != "prometheusrule.yaml" {
		return text
	}
	var out []string
	for _, one := range documents(text) {
		var o map[string]any
		if err := yaml.Unmarshal([]byte(one), &o); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if data, is := o["data"].(map[string]any); is {
			for file := range data {
				data[file] = "examples/grafana/" + file
			}
		} else {
			o["spec"] = "examples/grafana/legate.rules.yml"
		}
		short, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.TrimSpace(string(short)))
	}
	return strings.Join(out, "\n---\n")
}

// documents splits YAML into its documents.
func documents(text string) (all []string) {
	for one := range strings.SplitSeq("\n"+text, "\n---\n") {
		if strings.TrimSpace(one) != "" {
			all = append(all, one)
		}
	}
	return all
}

// A misspelt value would leave a default that nobody chose.
func TestTheChartRefusesValuesThatItDoesNotKnow(t *testing.T) {
	for values, mistake := range map[string]string{
		"{replica: 3, xds: {insecure: true}}":                      "replica",
		"{xds: {insecur: true}}":                                   "insecur",
		"{xds: {insecure: true}, replicas: many}":                  "replicas",
		"{xds: {insecure: true}, consul: {token: secret}}":         "token",
		"{xds: {insecure: true}, config: {log: debug}}":            "log",
		"{xds: {insecure: true}, consul: {address: 'a b'}}":        "address",
		"{xds: {insecure: true}, monitoring: {rules: {on: true}}}": "rules",
		"{}": "xds.insecure=true", // who reaches Legate over the network is to be said
	} {
		v, err := chartutil.ReadValues([]byte(values))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rendered(t, v); err == nil || !strings.Contains(err.Error(), mistake) {
			t.Errorf("%s: %v, want a mistake that names %q", values, err, mistake)
		}
	}
}

// Every value has a line in the schema, and every line a value.
func TestTheSchemaIsThatOfTheValues(t *testing.T) {
	c := loadChart(t)
	var schema map[string]any
	if err := yaml.Unmarshal(c.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	known := schema["properties"].(map[string]any)
	delete(known, "global") // Helm's own
	if got, want := slices.Sorted(maps.Keys(known)), slices.Sorted(maps.Keys(c.Values)); !slices.Equal(got, want) {
		t.Errorf("the schema has %v, values.yaml %v", got, want)
	}
}

// What the README sets are values that there are, and enough of them.
func TestTheChartsREADMESetsValuesThatThereAre(t *testing.T) {
	values := map[string]any{}
	for _, m := range regexp.MustCompile(`--set ([^ \n]+)`).FindAllStringSubmatch(source(t, "examples/helm/legate/README.md"), -1) {
		if err := strvals.ParseInto(strings.TrimRight(m[1], "`"), values); err != nil {
			t.Fatal(err)
		}
	}
	if len(values) < 3 {
		t.Fatalf("the README sets %v", values)
	}
	if _, err := rendered(t, values); err != nil {
		t.Error(err)
	}
}

// The chart's files are links: Helm has to follow them, and to pack what they lead to.
func TestTheChartHasTheRulesAndDashboardsOfExamplesGrafana(t *testing.T) {
	packed, err := chartutil.Save(loadChart(t), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c, err := loader.Load(packed)
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]string{}
	for _, f := range c.Files {
		if name, is := strings.CutPrefix(f.Name, "files/"); is {
			has[name] = string(f.Data)
		}
	}
	names, err := filepath.Glob(filepath.Join(top, "examples/grafana/legate*"))
	if err != nil || len(names) < 5 {
		t.Fatalf("%v, %v", names, err)
	}
	for _, path := range names {
		name := filepath.Base(path)
		if want, err := os.ReadFile(path); err != nil || has[name] != string(want) {
			t.Errorf("%s is not in the chart as it is (%v): ln -s ../../../grafana/%[1]s examples/helm/legate/files/", name, err)
		}
		delete(has, name)
	}
	if len(has) > 0 {
		t.Errorf("not in examples/grafana: %v", slices.Sorted(maps.Keys(has)))
	}
}
