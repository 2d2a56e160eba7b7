package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
)

// What docs/watch.md shows happens here, and "legate watch" prints the very lines.
func TestWatchPrintsEachChangeInConsulAsTheDocumentationShows(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	place(t, s.consul, "web-1", "10.0.0.7", 3)
	s.registerAs(t, parts.Instance{ID: "web-2", Service: "web", Address: "10.0.0.8", Port: 80})
	s.legate = startLegate(t, s.consul)
	w := startWatch(t, s.legate, "--node-id", "legate-watch/edge-1", "--admin-addr", s.legate.Admin)
	shown := page(t, "watch.md", "$ legate watch\n")
	for n := range shown {
		shown[n] = afterConsul.ReplaceAllString(shown[n], "")
	}
	seen := func(lines int) { t.Helper(); w.await(t, shown[:lines]) }

	seen(4)
	s.setHealth(t, "web-2", api.HealthCritical)
	seen(5)
	s.setHealth(t, "web-2", api.HealthPassing)
	seen(6)
	s.registerAs(t, parts.Instance{ID: "web-2", Service: "web", Address: "10.0.0.8", Port: 80, Weight: 5})
	seen(7)
	entry := &api.ServiceResolverConfigEntry{Kind: api.ServiceResolver, Name: "web", ConnectTimeout: 2e9}
	if _, _, err := s.consul.Client().ConfigEntries().Set(entry, nil); err != nil {
		t.Fatal(err)
	}
	seen(8)
	s.deregister(t, "web-2")
	seen(9)
	s.registerAs(t, parts.Instance{ID: "api-1", Service: "api", Address: "10.0.0.9", Port: 80})
	seen(11)
	s.deregister(t, "api-1")
	seen(13)
	if !afterConsul.MatchString(w.text(t)) {
		t.Errorf("no line says how long it was after Consul's answer:\n%s", w.text(t))
	}

	eventually(t, func() error { // the last acknowledgement may still be on its way
		streams := s.legate.status(t).Streams
		if len(streams) != 1 || streams[0].Node != "legate-watch/edge-1" || streams[0].Agent != "legate-watch" {
			return fmt.Errorf("the status has %+v", streams)
		}
		for _, one := range streams[0].Types {
			if one.State != "SYNCED" || one.Nacks != 0 {
				return fmt.Errorf("it has %+v", one)
			}
		}
		return nil
	})

	// It outlives Legate, says so, and prints what has changed meanwhile.
	s.legate.stop(t)
	place(t, s.consul, "web-3", "10.0.0.10", 1)
	s.legate.launch(t)
	w.await(t, append(slices.Clone(shown), "connected again: what has changed meanwhile follows", "web  + 10.0.0.10:80 (region eu, zone b, weight 1)"))
	if !strings.Contains(w.text(t), "  not connected to "+s.legate.XDS+": ") {
		t.Error("it does not say that it lost the connection")
	}
}

// place registers an instance of web in zone b.
func place(t testing.TB, c *parts.Consul, id, address string, weight int) {
	t.Helper()
	err := c.Client().Agent().ServiceRegister(&api.AgentServiceRegistration{
		ID: id, Name: "web", Address: address, Port: 80, Locality: &api.Locality{Region: "eu", Zone: "b"},
		Weights: &api.AgentWeights{Passing: weight, Warning: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// watching is a "legate watch" in a process of its own.
type watching struct {
	*parts.Process
	log string
}

func startWatch(t testing.TB, l *legate, args ...string) *watching {
	t.Helper()
	w := &watching{log: filepath.Join(t.TempDir(), "watch.log")}
	var err error
	w.Process, err = parts.Start(parts.Command{
		Name: "legate watch", Path: program.Path(t), Args: append([]string{"watch", "--xds-address", l.XDS}, args...), Env: parts.OwnEnvironment(), Log: w.log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Stop(ending); err != nil {
			t.Error(err)
		}
		if err := w.Err(); err != nil {
			t.Errorf("legate watch did not end well: %v", err)
		}
	})
	return w
}

func (w *watching) text(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(w.log)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// await waits until exactly these lines are printed, apart from times and attempts to connect.
func (w *watching) await(t testing.TB, want []string) {
	t.Helper()
	eventually(t, func() error {
		got := slices.DeleteFunc(untimed(afterConsul.ReplaceAllString(w.text(t), "")), func(line string) bool { return strings.HasPrefix(line, "not connected") })
		if !slices.Equal(got, want) {
			return fmt.Errorf("it printed\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		return nil
	})
}

// afterConsul is another time each time, and not known after a start of Legate.
var afterConsul = regexp.MustCompile(`(?m)   [0-9.]+ m?s after Consul$`)

var clock = regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d\.\d{3}  `)

// untimed are the whole lines of a text, without the time of day.
func untimed(text string) []string {
	text = clock.ReplaceAllString(text[:strings.LastIndexByte(text, '\n')+1], "")
	return slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return line == "" })
}

// page are the lines, without times, of the block in a page of docs/ that begins with this command.
func page(t testing.TB, name, command string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks(string(text)) {
		if output, is := strings.CutPrefix(b.text, command); is {
			return untimed(output)
		}
	}
	t.Fatalf("docs/%s shows no %q", name, command)
	return nil
}
