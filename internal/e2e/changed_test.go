package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"

	"legate/internal/oteltest"
	"legate/internal/parts"
)

// howLong is how long something took, which is another time each time, and what the columns are filled with.
var howLong = regexp.MustCompile(`[<+][0-9.]+ m?s\b *| {3,}`)

// column is a time as another one, and a gap as one of a kind.
func column(text string) string {
	if strings.TrimSpace(text) == "" {
		return "  "
	}
	return "TIME  "
}

// What docs/changes.md shows happens here, with an Envoy that follows, and "legate changes" prints the very lines. The log has
// each of them, too.
func TestEachChangeIsRememberedAsTheDocumentationShows(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(policy, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("defaults: {connect_timeout: 5s}\n")
	s.registerAs(t, parts.Instance{ID: "web-1", Service: "web", Address: "10.0.0.7", Port: 80})
	collector := oteltest.New(t)
	s.legate = newLegate(t, s.consul, "--policy", policy)
	s.legate.Env = append(s.legate.Env, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc")
	s.legate.launch(t)
	s.legate.awaitReady(t)
	s.envoys = append(s.envoys, startEnvoy(t, s.legate, adsDelta, "web"))
	shown := page(t, "changes.md", "$ legate changes\n")
	for n := range shown {
		shown[n] = howLong.ReplaceAllStringFunc(shown[n], column)
	}
	changes := func(args ...string) []string {
		t.Helper()
		out := string(program.Output(t, append([]string{"changes", "--admin-addr", s.legate.Admin}, args...)...))
		lines := untimed(out)
		for n := range lines {
			lines[n] = strings.ReplaceAll(howLong.ReplaceAllStringFunc(lines[n], column), policy, "policy.yaml")
		}
		return lines
	}
	seen := func(lines int) {
		t.Helper()
		eventually(t, func() error {
			if got := changes(); !slices.Equal(got, shown[:lines]) {
				return fmt.Errorf("it printed\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(shown[:lines], "\n"))
			}
			return nil
		})
	}
	follows := func(health string, weight int) {
		t.Helper()
		s.everywhere(t, func(e *envoy) error { return e.hasEndpoint("web", "10.0.0.8:80", health, weight) })
	}

	web2 := parts.Instance{ID: "web-2", Service: "web", Address: "10.0.0.8", Port: 80}
	seen(2)
	s.registerAs(t, web2)
	seen(3)
	follows("HEALTHY", 1)
	s.setHealth(t, "web-2", api.HealthCritical)
	seen(4)
	follows("UNHEALTHY", 1)
	s.setHealth(t, "web-2", api.HealthPassing)
	seen(5)
	web2.Weight = 5
	s.registerAs(t, web2)
	seen(6)
	follows("HEALTHY", 5)
	write("defaults: {connect_timeout: 2s}\n")
	seen(8)
	s.deregister(t, "web-2")
	seen(9)
	s.registerAs(t, parts.Instance{ID: "api-1", Service: "api", Address: "10.0.0.9", Port: 80})
	seen(11)

	if got := changes("api"); !slices.Equal(got, slices.Concat(shown[:1], shown[9:])) {
		t.Errorf("of one service: %q", got)
	}
	if got := changes("--kind", "policy", "--since", "1h"); !slices.Equal(got, slices.Concat(shown[:1], shown[7:8])) {
		t.Errorf("of one kind: %q", got)
	}
	var answer struct {
		Changes []struct {
			ID      string  `json:"id"`
			Kind    string  `json:"kind"`
			Index   uint64  `json:"index"`
			Seconds float64 `json:"seconds"`
			Version string  `json:"endpoints_version"`
		} `json:"changes"`
	}
	text, err := s.legate.get("/api/v1/changes?service=web&kind=service")
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil || len(answer.Changes) != 5 {
		t.Fatalf("%v: %s", err, text)
	}
	log, err := os.ReadFile(s.legate.Log)
	if err != nil {
		t.Fatal(err)
	}
	for n, c := range answer.Changes {
		if c.Index == 0 || c.Seconds <= 0 || c.Version == "" || n > 0 && c.Index >= answer.Changes[n-1].Index {
			t.Errorf("%+v", c)
		}
		if strings.Count(string(log), c.ID+"\"") != 1 {
			t.Errorf("the log does not have a line of %s", c.ID)
		}
	}
	if is, want := lineLike(t, string(log)); !slices.Equal(is, want) {
		t.Errorf("the log says %q, and docs/changes.md shows %q", is, want)
	}
	s.exemplarsNameChanges(t)
	s.aTraceShowsTheWay(t, collector, string(log), answer.Changes[0].ID, answer.Changes[0].Index)
	if n := strings.Count(string(log), `"client connected"`); n != 1 {
		t.Errorf("the log has %d clients that connected, and one Envoy did", n)
	}
}

// exemplarsNameChanges checks what a Prometheus scrapes: there are exemplars of what was sent and of what was
// acknowledged, and "legate changes" knows each id that they carry.
func (s *stage) exemplarsNameChanges(t *testing.T) {
	t.Helper()
	exemplar := regexp.MustCompile(`(?m)^legate_propagation_seconds_bucket\{.*stage="(\w+)".* # \{change_id="([^"]+)"\} `)
	eventually(t, func() error { // a change is recorded just after it was published
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.legate.Admin+"/metrics", nil)
		if err != nil {
			return err
		}
		r.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		page, err := io.ReadAll(answer.Body)
		if err != nil {
			return err
		}
		known := string(program.Output(t, "changes", "--admin-addr", s.legate.Admin, "--json"))
		stages := map[string]bool{}
		for _, e := range exemplar.FindAllStringSubmatch(string(page), -1) {
			if !strings.Contains(known, `"id":"`+e[2]+`"`) {
				t.Errorf("an exemplar names the change %q, which is not among\n%s", e[2], known)
			}
			stages[e[1]] = true
		}
		if !stages["answer_to_sent"] || !stages["answer_to_ack"] {
			return fmt.Errorf("exemplars of %v only, in\n%s", stages, page)
		}
		return nil
	})
}

// aTraceShowsTheWay checks what a collector of OpenTelemetry was sent of a change of web: it has the trace that the log
// names, from Consul's answer until the only Envoy acknowledged it.
func (s *stage) aTraceShowsTheWay(t *testing.T, collector *oteltest.Collector, log, change string, index uint64) {
	t.Helper()
	named := regexp.MustCompile(`"change":"` + change + `","trace_id":"([0-9a-f]{32})"`).FindStringSubmatch(log)
	if named == nil {
		t.Fatalf("the log's line of %s has no trace_id", change)
	}
	eventually(t, func() error {
		var names []string
		spans := collector.Trace(named[1])
		for _, one := range spans {
			names = append(names, one.GetName())
			if node := oteltest.Attribute(one, "xds.node"); strings.HasPrefix(one.GetName(), "acknowledge") != (node != "") {
				t.Errorf("%s of node %q", one.GetName(), node)
			}
			if one.GetEndTimeUnixNano() < one.GetStartTimeUnixNano() || one.GetEndTimeUnixNano() > spans[0].GetEndTimeUnixNano() {
				t.Errorf("%s does not end within the change", one.GetName())
			}
		}
		slices.Sort(names)
		if want := "acknowledge first,acknowledge last,change,decide,publish,send first,translate"; strings.Join(names, ",") != want {
			return fmt.Errorf("the trace has the spans %q, want %s", names, want)
		}
		for key, want := range map[string]string{"consul.service": "web", "consul.datacenter": "dc1", "consul.index": fmt.Sprint(index), "legate.change.id": change} {
			if got := oteltest.Attribute(spans[0], key); got != want {
				t.Errorf("%s is %q, want %q", key, got, want)
			}
		}
		return nil
	})
}

// lineLike are the log's line about the check that fails, and the one that docs/changes.md shows: its keys, and what differs
// in no run.
func lineLike(t *testing.T, log string) (is, want []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/changes.md")
	if err != nil {
		t.Fatal(err)
	}
	find := func(all string) (said []string) {
		for line := range strings.Lines(all) {
			if !strings.HasPrefix(line, "{") || !strings.Contains(line, `"checks":["check:web-2"]`) || !strings.Contains(line, "-> critical") {
				continue
			}
			var values map[string]any
			if err := json.Unmarshal([]byte(line), &values); err != nil {
				t.Fatal(err)
			}
			for key, value := range values {
				switch key {
				case "time", "trace_id": // traces are on here
					continue
				case "index", "seconds", "sent_seconds", "change":
					value = "…"
				}
				said = append(said, fmt.Sprint(key, "=", value))
			}
			slices.Sort(said)
			return said
		}
		t.Error("there is no line about the check that fails")
		return nil
	}
	return find(log), find(string(text))
}
