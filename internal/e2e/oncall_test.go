package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// What docs/oncall.md tells happens here, one story after the other: a server and an agent of Consul, a Legate and an Envoy with a
// fault. Each command that the page shows is typed, in its order, and prints the very lines, except when things happened and
// where they are.
func TestTheCauseOfEachStagedFaultIsFoundAsTheDocumentationShows(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	for _, s := range []struct {
		title        string
		breaks, ends func(t *testing.T)
	}{
		{"A bad registration", n.registersBadly, n.registersWell},
		{"A limit that is too low", n.limits, n.limitsNoMore},
		{"An Envoy that rejects", n.rejects, n.accepts},
		{"Most of the catalog is gone", n.losesMost, n.hasAllAgain},
		{"Consul without a leader", n.losesTheServer, n.hasTheServer},
	} {
		if !t.Run(s.title, func(t *testing.T) {
			s.breaks(t)
			n.typed(t, s.title)
			s.ends(t)
		}) {
			return // the next story begins where this one ends
		}
	}
}

// night is what the person on call has.
type night struct {
	*stage
	server *parts.Consul // the only one; the stage's Consul is an agent that asks it
	state  string        // folder of --state-dir
	policy string        // file
	envoy  *envoy

	load sync.WaitGroup // of requests
	end  chan struct{}  // of the load
}

func newNight(t *testing.T) *night {
	serf := freePorts(t, 1)[0]
	n := &night{policy: filepath.Join(t.TempDir(), "policy.yaml"), state: t.TempDir()}
	n.server = partstest.Consul(t, parts.ConsulOptions{Persistent: true, Node: "server", HCL: fmt.Sprintf("ports { serf_lan = %d }", serf)})
	n.stage = newStage(t, parts.ConsulOptions{Persistent: true, Node: "n1",
		HCL: fmt.Sprintf("server = false\nbootstrap_expect = 0\nretry_join = [%q]\nretry_interval = \"1s\"", parts.Loopback(serf))})
	n.register(t, "web", "web-1", 1)
	n.register(t, "payments", "payments-1", 1)
	for i := range 10 {
		n.registerAs(t, parts.Instance{Service: fmt.Sprintf("shop-%02d", i+1), Address: "10.0.0.9", Port: 8000 + i})
	}
	n.write(t, "")
	n.legate = startLegate(t, n.consul, "--policy", n.policy, "--state-dir", n.state)
	n.envoy = startEnvoy(t, n.legate, way{name: "edge-1", mode: "delta", edit: strict, cds: true}, "web", "payments")
	eventually(t, func() error { return n.envoy.answers("web", "web-1") })
	eventually(t, func() error { return n.envoy.answers("payments", "payments-1") })
	return n
}

// write writes the policy file: what holds for all, and this.
func (n *night) write(t testing.TB, services string) {
	t.Helper()
	if err := os.WriteFile(n.policy, []byte("defaults: {connect_timeout: 5s}\n"+services), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (n *night) registersBadly(t *testing.T) {
	n.registerAs(t, parts.Instance{ID: "payments-2", Service: "payments", Address: "127.0.0.1", Port: freePorts(t, 1)[0]}) // nobody listens there
	n.changesAre(t, 1)
	n.registerAs(t, parts.Instance{ID: "payments-3", Service: "payments", Address: "127.0.0.1"})
	n.requests("/")
}

func (n *night) registersWell(t *testing.T) {
	n.requestsEnd()
	n.deregister(t, "payments-2")
	n.changesAre(t, 3)
	n.deregister(t, "payments-3")
	n.changesAre(t, 4)
	eventually(t, func() error { return n.envoy.answers("payments", "payments-1") })
}

// changesAre waits until payments has changed so often, and Envoy has it: what comes at once is one change.
func (n *night) changesAre(t *testing.T, want int) {
	t.Helper()
	eventually(t, func() error {
		if out, _ := n.types(t, "legate", "changes", "payments"); strings.Count(out, "\n") != want+1 { // and the head
			return errors.New(out)
		}
		if out, code := n.types(t, "legate", "status", "--stale-after", "0s"); code != 0 {
			return errors.New(out)
		}
		return nil
	})
}

func (n *night) limits(t *testing.T) {
	n.write(t, "services:\n- match: {names: ['pay*']}\n  circuit_breakers: {max_connections: 1, max_pending_requests: 1}\n")
	n.requests("/?wait=50ms")
}

func (n *night) limitsNoMore(t *testing.T) {
	n.write(t, "")
	eventually(t, func() error {
		if out, code := n.types(t, "legate", "changes", "payments"); code != 0 || !strings.Contains(out, "circuit_breakers.max_connections 1 -> unset") {
			return errors.New(out)
		}
		return nil
	})
	n.requestsEnd()
	eventually(t, func() error { return n.envoy.answers("payments", "payments-1") })
}

func (n *night) rejects(t *testing.T) {
	n.write(t, "services:\n- match: {names: [web]}\n  envoy: {track_timeout_budgets: true}\n")
}

func (n *night) accepts(t *testing.T) {
	n.write(t, "")
	n.isWell(t)
}

func (n *night) losesMost(t *testing.T) {
	for i := range 10 {
		n.deregister(t, fmt.Sprintf("shop-%02d", i+1))
	}
}

func (n *night) hasAllAgain(t *testing.T) {
	eventually(t, func() error {
		if out, _ := n.types(t, "legate", "verify", "--consul"); !strings.HasPrefix(out, "equal: ") {
			return errors.New(out)
		}
		return nil
	})
}

func (n *night) losesTheServer(t *testing.T) {
	if err := n.server.Kill(); err != nil {
		t.Fatal(err)
	}
	n.backend(t, "web-2", "127.0.0.1:0")
	// The agent takes the registration, and cannot pass it on.
	n.registerAs(t, parts.Instance{ID: "web-2", Service: "web", Address: "127.0.0.1", Port: n.backends["web-2"].Port})
}

func (n *night) hasTheServer(t *testing.T) {
	if err := n.server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { return n.envoy.answers("web", "web-1", "web-2") })
	n.isWell(t)
}

// isWell waits until the status says so.
func (n *night) isWell(t *testing.T) {
	t.Helper()
	eventually(t, func() error {
		if out, code := n.types(t, "legate", "status"); code != 0 {
			return errors.New(out)
		}
		return nil
	})
}

// requests has users send requests for payments, eight at a time, until requestsEnd.
func (n *night) requests(path string) {
	n.end = make(chan struct{})
	for range 8 {
		n.load.Go(func() {
			for {
				select {
				case <-n.end:
					return
				default:
					_, _ = n.envoy.ask("payments", path) // some fail: that is the story
					time.Sleep(20 * time.Millisecond)    // a user reads the answer
				}
			}
		})
	}
}

func (n *night) requestsEnd() {
	close(n.end)
	n.load.Wait()
}

// types is what somebody types in a shell, and sees.
func (n *night) types(t testing.TB, words ...string) (out string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), n.legate.Path, words[1:]...)
	cmd.Env = append(parts.OwnEnvironment(), "LEGATE_ADMIN_ADDR="+n.legate.Admin, "CONSUL_HTTP_ADDR="+n.consul.Addr)
	text, err := cmd.Output()
	exit := &exec.ExitError{}
	switch {
	case errors.As(err, &exit):
		return string(text) + string(exit.Stderr), exit.ExitCode()
	case err != nil:
		t.Fatal(err)
	}
	return string(text), 0
}

// typed types each command of a section of the page, and waits until it prints what the page shows.
func (n *night) typed(t *testing.T, title string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "oncall.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## "+title+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if !found || !strings.Contains(section, "$ ") {
		t.Fatalf("docs/oncall.md has no commands under %q", title)
	}
	for _, b := range blocks(section) {
		first, shown, _ := strings.Cut(b.text, "\n")
		command, is := strings.CutPrefix(first, "$ ")
		if !is {
			continue // a file
		}
		words := strings.Fields(strings.NewReplacer("127.0.0.1:9901", n.envoy.AdminAddr, "/var/lib/legate", n.state).Replace(command))
		want := n.timeless(shown)
		eventually(t, func() error {
			out, code := "", 0
			if service := listeners[command]; service != "" {
				out = n.curls(service)
			} else {
				out, code = n.types(t, words...)
			}
			if got := n.timeless(out); !slices.Equal(got, want) {
				return fmt.Errorf("$ %s: exit %d\n%s\nas compared:\n%s\nwant\n%s", command, code, out, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			return nil
		})
	}
}

// listeners are the commands that ask a service through Envoy.
var listeners = map[string]string{"curl http://127.0.0.1:8080/": "web", "curl http://127.0.0.1:8081/": "payments"}

// curls is what curl prints of an answer that is an error.
func (n *night) curls(service string) string {
	_, err := n.envoy.ask(service, "/")
	if status := (statusError{}); errors.As(err, &status) && status.code == http.StatusServiceUnavailable {
		return status.text + "\n"
	}
	return fmt.Sprint("no error: ", err)
}

var (
	addresses = regexp.MustCompile(`\b\d+\.\d+\.\d+\.\d+:\d+\b`)
	tally     = regexp.MustCompile(`\b\d+ (requests?|attempts?|connections)\b|\(\d+ just now\)`)
	failures  = regexp.MustCompile(`query consul ".*`) // Consul's words, which differ while its agent finds out what is wrong
	believed  = regexp.MustCompile(`in \d+m\d+s, at \d\d:\d\d:\d\d`)
	dates     = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?`)
)

// timeless are the lines of an output without what differs from run to run.
func (n *night) timeless(out string) (lines []string) {
	out = strings.NewReplacer(n.policy, "policy.yaml", n.state, "/var/lib/legate").Replace(out)
	out = dates.ReplaceAllString(tally.ReplaceAllString(addresses.ReplaceAllString(out, "ADDRESS"), "N"), "MOMENT")
	out = indexes.ReplaceAllString(whenBelieved.ReplaceAllString(out, "believed later)"), "INDEX")
	out = failures.ReplaceAllString(believed.ReplaceAllString(out, "LATER"), "query consul")
	for _, line := range untimed(out) {
		lines = append(lines, plainly(howLong.ReplaceAllStringFunc(line, column))...)
	}
	return lines
}
