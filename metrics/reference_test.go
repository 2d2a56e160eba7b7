package metrics

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"legate/translate"
)

var update = flag.Bool("update", false, "write docs/metrics.md anew")

const referencePage = "../docs/metrics.md"

// TestTheReferenceIsWhatTheCodeDeclares: the page is made from the declarations, and from what the collectors of the
// runtime and the process export.
func TestTheReferenceIsWhatTheCodeDeclares(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("process_... metrics are complete on Linux only")
	}
	want := reference(t)
	if *update {
		if err := os.WriteFile(referencePage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("docs/metrics.md is not what the code makes, first at %s; write it anew with: go test ./metrics -run Reference -update, or make golden",
			firstDifference(string(got), want))
	}
}

func firstDifference(got, want string) string {
	is, should := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i, line := range should {
		if i >= len(is) || is[i] != line {
			return fmt.Sprintf("line %d, which should be %q", i+1, line)
		}
	}
	return fmt.Sprintf("line %d, which should not be", len(should)+1)
}

// TestEveryMetricThatIsExportedIsDeclaredAsItIs compares the declarations with a registry in which everything has
// happened that is counted, and with one in which nothing has.
func TestEveryMetricThatIsExportedIsDeclaredAsItIs(t *testing.T) {
	fresh, lived := New(BuildInfo{}), New(BuildInfo{Version: "1", GoVersion: "go1"})
	everything(lived)
	atStart, exported := gather(t, fresh), gather(t, lived)
	declared := map[string]family{}
	for _, f := range lived.declared.families {
		declared[f.name] = f
		is := exported[f.name]
		if is == nil {
			t.Errorf("%s is declared, and nothing exports it: have everything() do what it counts", f.name)
			continue
		}
		if kind := strings.ToLower(is.GetType().String()); kind != f.kind || is.GetHelp() != f.help {
			t.Errorf("%s is declared as a %s, %q, and exported as a %s, %q", f.name, f.kind, f.help, kind, is.GetHelp())
		}
		for _, m := range is.GetMetric() {
			checkLabels(t, f, m.GetLabel())
		}
		if there := atStart[f.name] != nil; there != (f.since == "") {
			t.Errorf("%s is there from the start: %v; it is declared to be there: %q", f.name, there, cmp.Or(f.since, "from the start"))
		}
		if f.topic == "" || f.room == "" {
			t.Errorf("%s has no topic, or no room writes it", f.name)
		}
	}
	for name := range exported {
		if _, is := declared[name]; !is && strings.HasPrefix(name, "legate_") {
			t.Errorf("%s is exported, and not declared: make it with the declarer", name)
		}
	}
}

// checkLabels fails unless a series has the labels that are declared, with values that they may have.
func checkLabels(t *testing.T, f family, labels []*dto.LabelPair) {
	t.Helper()
	if len(labels) != len(f.labels) {
		t.Errorf("a series of %s has the labels %v, declared are %d", f.name, labels, len(f.labels))
		return
	}
	for _, has := range labels {
		i := slices.IndexFunc(f.labels, func(l label) bool { return l.name == has.GetName() })
		switch {
		case i < 0:
			t.Errorf("a series of %s has the label %s, which is not declared", f.name, has.GetName())
		case f.labels[i].values == nil && f.labels[i].bound == "":
			t.Errorf("%s: nothing says which values %s can have", f.name, has.GetName())
		case f.labels[i].values != nil && !slices.Contains(f.labels[i].values, has.GetValue()):
			t.Errorf("%s: %s=%q is not among the values that are declared: %q", f.name, has.GetName(), has.GetValue(), f.labels[i].values)
		}
	}
}

// TestEachRoomThatIsNamedWritesMetrics: it can do so only with this package.
func TestEachRoomThatIsNamedWritesMetrics(t *testing.T) {
	named := map[string]bool{}
	for _, f := range New(BuildInfo{}).declared.families {
		named[f.room] = true
	}
	for room := range named {
		if !imports(t, "../"+room) {
			t.Errorf("metrics are declared to be written by %s, which does not import this package", room)
		}
	}
}

// imports reports whether a file of a room, tests left out, imports this package.
func imports(t *testing.T, room string) bool {
	t.Helper()
	files, err := os.ReadDir(room)
	if err != nil {
		t.Error(err)
		return false
	}
	return slices.ContainsFunc(files, func(f os.DirEntry) bool {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			return false
		}
		text, err := os.ReadFile(room + "/" + f.Name())
		return err == nil && strings.Contains(string(text), `"legate/metrics"`)
	})
}

func TestProblemsHaveTheReasonsOfTranslation(t *testing.T) {
	var reasons []string
	for _, r := range translate.Reasons() {
		reasons = append(reasons, string(r))
	}
	if !slices.Equal(reasons, problemReasons) {
		t.Errorf("translate has the reasons %q, this package %q", reasons, problemReasons)
	}
}

func gather(t *testing.T, m *Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	families, err := m.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*dto.MetricFamily{}
	for _, f := range families {
		all[f.GetName()] = f
	}
	return all
}

const referenceHead = `<!-- made by: go test ./metrics -run Reference -update -->

# Metrics

Every metric that Legate exports on ` + "`/metrics`" + `, from its declaration in the code: a test compares this page with what a
registry really exports. [examples/grafana](../examples/grafana) has dashboards and alerts that use them.

- Prometheus' text format, OpenMetrics and protobuf are served, whichever the scraper asks for.
- A metric is there from the start, at 0, unless "there once" says since when it has its first series.
- Whatever clients and Consul send, the number of series stays bounded: labels have the values that are listed, or what
  keeps them few is said.
- Histograms have classic buckets, and native ones (at most 160 buckets, each 10 %% wider than the one before) for a
  scraper that asks for protobuf (Prometheus with native histograms).
- Exemplars of how long changes take have the id of the newest change in each bucket, as ` + "`change_id`" + `, in OpenMetrics and
  protobuf (Prometheus with ` + "`--enable-feature=exemplar-storage`" + `): ` + "`legate changes`" + ` and the page know it.
- "by" is the folder of the code in which it is counted.
- The labels ` + "`datacenter`" + ` and ` + "`peer`" + ` say which datacenter or peer is followed. A peer has its own name as ` + "`peer`" + `, and that
  of the own datacenter, which imports from it; a datacenter has an empty ` + "`peer`" + `. The own datacenter is an empty
  ` + "`datacenter`" + ` until its name is known. %d datacenters and peers have series of their own, which leave with them;
  all others share those with ` + "`%s`" + ` as both labels.
- The label ` + "`type`" + ` has these values: %s.
  There are series of those that are served (` + "`cds`, `eds` and `sds`" + `), of ` + "`other`" + `, and of what clients ask for.
`

// reference returns the page.
func reference(t *testing.T) string {
	m := New(BuildInfo{})
	everything(m)
	var page strings.Builder
	fmt.Fprintf(&page, referenceHead, maxSites, overflow, listed(typeOf.values))
	for _, about := range m.declared.topics {
		fmt.Fprintf(&page, "\n## %s\n\n%s\n", about.name, about.about)
		for _, f := range m.declared.families {
			if f.topic == about.name {
				page.WriteString(f.entry())
			}
		}
	}
	page.WriteString("\n## Go's runtime and the process\n\nThese come with the Prometheus client library for Go; the version of Go decides which there are.\n\n" +
		"| metric | type | |\n|---|---|---|\n")
	all := gather(t, m)
	var names []string
	for name := range all {
		if !strings.HasPrefix(name, "legate_") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&page, "| `%s` | %s | %s |\n", name, strings.ToLower(all[name].GetType().String()), strings.ReplaceAll(all[name].GetHelp(), "|", `\|`))
	}
	return page.String()
}

// entry is what the page says of a metric.
func (f family) entry() string {
	var out strings.Builder
	fmt.Fprintf(&out, "\n### `%s`\n\n%s\n\n- %s", f.name, f.help, f.kind)
	if unit := f.unit(); unit != "" {
		fmt.Fprintf(&out, " in %s", unit)
	}
	fmt.Fprintf(&out, "; by `%s`", f.room)
	if f.since != "" {
		fmt.Fprintf(&out, "; there once %s", f.since)
	}
	out.WriteString("\n")
	for _, l := range f.labels {
		what := cmp.Or(l.bound, listed(l.values))
		fmt.Fprintf(&out, "- `%s`: %s\n", l.name, what)
	}
	return out.String()
}

func listed(values []string) string { return "`" + strings.Join(values, "`, `") + "`" }

// unit is what the name says, by the rules of Prometheus (https://prometheus.io/docs/practices/naming/).
func (f family) unit() string {
	name := strings.TrimSuffix(f.name, "_total")
	switch {
	case strings.HasSuffix(name, "_timestamp_seconds"):
		return "seconds of Unix time"
	case strings.HasSuffix(name, "_seconds"):
		return "seconds"
	case strings.HasSuffix(name, "_bytes"):
		return "bytes"
	}
	return ""
}

// everything has all that is counted happen, on nil metrics, too.
func everything(m *Metrics) {
	now := time.Now()
	m.Consul.Query("changed", time.Millisecond)
	m.Consul.Fresh(now)
	m.Consul.Datacenter("dc1")
	m.Consul.Index("services", 12)
	m.Consul.IndexReset()
	m.Consul.Catalog(2, map[string]int{"passing": 3})
	m.Consul.Entries(map[string]int{"service-defaults": 1})
	m.Consul.Signals(1)
	m.Consul.Watches(2, 0, 100)
	m.Consul.Rejected("index_back")
	m.Consul.Holds(map[string]int{"shrunk": 1}, map[string]int{"shrunk": 3})
	m.Consul.HoldEnded("confirmed")
	m.Consul.Reread("same")
	m.Consul.MassCritical(true)
	m.Consul.At("dc2", "").Gone()
	m.Consul.At("dc1", "cluster01")
	m.Translate.Problems(map[string]int{"port": 1})
	m.Translate.Rollout(1, 2, true)
	m.Resolve.Query("answered")
	m.Resolve.Names(3, 1, 1)
	m.XDS.Serves(cds, eds)
	s := m.XDS.Opened("sotw-1", "sotw")
	request(s, "n", cds, "nack")
	m.XDS.Rejecting(cds, true)
	m.XDS.Rejecting(cds, false)
	response(s, "n", cds, 1, 10)
	m.XDS.Opened("sotw-2", "sotw").Closed(time.Second, "OK")
	m.XDS.Fetch(cds, "ok")
	m.XDS.Delays(cds).Sent(time.Millisecond, Origin{})
	m.XDS.Delays(cds).Acknowledged(time.Millisecond, Origin{})
	m.XDS.Published("envoy@dc1", map[string]int{cds: 2}, now)
	m.XDS.Quarantined(cds, 1)
	m.XDS.InVain(eds, 1)
	m.XDS.Oversized(cds)
	m.XDS.Subscriptions(func() []Subscription { return []Subscription{{s, "n", cds, "stale", time.Second}} })
	m.XDS.Stranded(func(string) int { return 1 })
	m.XDS.Refused("streams")
	m.XDS.NodeChanged()
	m.XDS.Connections(2)
	m.XDS.Memory(1<<30, func(string) int64 { return 1 })
	m.XDS.MemoryRefused("names")
	m.LastKnown.Stale(true)
	m.LastKnown.Believed(now)
	m.LastKnown.Written(true, time.Millisecond)
	m.Process.Reloaded(true, true, now)
	m.Process.Certificate("xds", func() time.Time { return now })
	m.Admin.Refused("admin_headers")
	m.Traces.Exported(1)
	m.Traces.Dropped(1)
}
