package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// The files of examples/sidecar work together as they are: an agent with ACLs that deny by default
// and certificates made as in the README, a token with only the policy, and Legate started like in
// the unit.
func TestTheSidecarRunsAsItsFilesSay(t *testing.T) {
	t.Parallel()
	made, etc, run := t.TempDir(), t.TempDir(), t.TempDir() // the working folder of the README, /etc/legate and /run/legate
	ports := freePorts(t, 3)
	https, xds, admin := ports[0], ports[1], ports[2]
	x := openExample(t, "sidecar",
		"/etc/consul.d/tls", made, "/etc/legate", etc, "/run/legate", run, "/usr/local/bin/legate", program.Path(t),
		"8501", strconv.Itoa(https), "18000", strconv.Itoa(xds), "18001", strconv.Itoa(admin))

	// Of the README's commands, those for certificates come first: the agent needs them to start.
	x.dir, made = made, x.dir
	certificates, policy := x.commands("consul tls"), x.commands("consul acl")
	for _, text := range certificates {
		x.mustRun(text)
	}
	x.dir, made = made, x.dir

	s := &stage{backends: make(map[string]*parts.Backend)}
	s.consul = partstest.Consul(t, parts.ConsulOptions{ACL: true, HCL: string(x.file("consul-agent.hcl"))})
	s.register(t, "shop", "shop-1", 1)
	x.env = append(x.env, "CONSUL_HTTP_ADDR="+s.consul.Addr, "CONSUL_HTTP_TOKEN="+s.consul.Token)
	for _, text := range policy {
		x.mustRun(text)
	}
	copyFile(t, filepath.Join(made, "consul-agent-ca.pem"), filepath.Join(etc, "consul-ca.pem"))
	copyFile(t, filepath.Join(x.dir, "consul-token"), filepath.Join(etc, "consul-token"))
	copyFile(t, filepath.Join(x.dir, "legate.yaml"), filepath.Join(etc, "legate.yaml"))

	start := strings.Fields(unitOf(t, x.file("legate.service")).only(t, "Service", "ExecStart"))
	s.legate = newLegate(t, nil)
	s.legate.Path, s.legate.Args = start[0], start[1:]
	s.legate.Env = append(s.legate.Env, "STATE_DIRECTORY="+t.TempDir()) // like systemd for StateDirectory=
	s.legate.XDS, s.legate.Admin = parts.Loopback(xds), parts.Loopback(admin)
	s.legate.launch(t)
	s.legate.awaitReady(t)
	s.envoys = append(s.envoys, startEnvoy(t, s.legate, adsDelta, "shop"))
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1") })
	s.register(t, "shop", "shop-2", 1)
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1", "shop-2") })
	if status := s.legate.status(t); !status.Consul.HTTP2 || !status.Consul.Connected {
		t.Errorf("want HTTP/2 and a connection without trouble: %+v", status.Consul)
	}

	// Whoever may open the socket may release holds.
	release := exec.CommandContext(t.Context(), program.Path(t), "holds", "release", "--all", "--admin-socket", filepath.Join(run, "admin.sock"))
	release.Env = parts.OwnEnvironment()
	if out, err := release.CombinedOutput(); err != nil || !strings.Contains(string(out), "released: 0 holds") {
		t.Errorf("holds release: %v: %s", err, out)
	}

	// A token that is replaced in its file is used without a restart, and the old one can be
	// deleted.
	client := s.consul.Client().ACL()
	old := strings.TrimSpace(string(x.file("consul-token")))
	self, _, err := client.TokenReadSelf(&api.QueryOptions{Token: old})
	if err != nil {
		t.Fatal(err)
	}
	next, _, err := client.TokenCreate(&api.ACLToken{Policies: self.Policies}, nil)
	if err != nil {
		t.Fatal(err)
	}
	replaceFile(t, filepath.Join(etc, "consul-token"), next.SecretID)
	if _, err := client.TokenDelete(self.AccessorID, nil); err != nil {
		t.Fatal(err)
	}
	s.deregister(t, "shop-1")
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-2") })

	// Consul is away and Legate is restarted: a new Envoy gets the last known catalog.
	if err := s.consul.Kill(); err != nil {
		t.Fatal(err)
	}
	s.legate.stop(t)
	s.legate.launch(t)
	s.legate.awaitReady(t)
	late := startEnvoy(t, s.legate, adsSotW, "shop")
	eventually(t, func() error { return late.answers("shop", "shop-2") })
}

// Each rule of the policy is needed: without any of them, Legate does not serve what it cannot see
// completely, and says why.
func TestTheSidecarsPolicyHoldsNothingThatCouldBeLeftOut(t *testing.T) {
	t.Parallel()
	x := openExample(t, "sidecar")
	consul := partstest.Consul(t, parts.ConsulOptions{ACL: true})
	if err := consul.Register(t.Context(), parts.Instance{Service: "shop", Address: "127.0.0.1", Port: 9001}); err != nil {
		t.Fatal(err)
	}
	rules := rulesOf(t, string(x.file("consul-policy.hcl")))
	if len(rules) != 2 {
		t.Fatalf("the policy has %d rules, want 2: %q", len(rules), rules)
	}
	render := func(name string, rules []string) (string, error) {
		cmd := exec.CommandContext(t.Context(), program.Path(t), "render", "--datacenter", "dc1",
			"--consul-addr", consul.Addr, "--consul-token", tokenFor(t, consul, name, strings.Join(rules, "\n")))
		cmd.Env = parts.OwnEnvironment()
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := render("all", rules); err != nil || !strings.Contains(out, "name: shop") {
		t.Errorf("with the whole policy: %v, want shop\n%s", err, out)
	}
	for i, rule := range rules {
		less := slices.Delete(slices.Clone(rules), i, i+1)
		out, err := render(fmt.Sprintf("less-%d", i), less)
		if err == nil || strings.Contains(out, "name: shop") {
			t.Errorf("without this rule everything is there, so it is not needed: %v\n%s\n%s", err, rule, out)
		}
	}
}

// rulesOf splits a policy into its rules: blocks that begin and end in the first column.
func rulesOf(t testing.TB, policy string) (rules []string) {
	t.Helper()
	var rule strings.Builder
	for line := range strings.Lines(policy) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		rule.WriteString(line)
		if strings.HasPrefix(line, "}") {
			rules = append(rules, strings.TrimSpace(rule.String()))
			rule.Reset()
		}
	}
	if left := strings.TrimSpace(rule.String()); left != "" {
		t.Fatalf("the policy ends within a rule: %q", left)
	}
	return rules
}

func tokenFor(t testing.TB, consul *parts.Consul, name, rules string) string {
	t.Helper()
	acl := consul.Client().ACL()
	policy, _, err := acl.PolicyCreate(&api.ACLPolicy{Name: name, Rules: rules}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := acl.TokenCreate(&api.ACLToken{Policies: []*api.ACLLink{{ID: policy.ID}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return token.SecretID
}

// commands returns the lines of the README's commands with this prefix.
func (x *example) commands(prefix string) (lines []string) {
	x.t.Helper()
	for _, b := range x.blocks {
		if b.kind != command {
			continue
		}
		for line := range strings.Lines(b.text) {
			if strings.HasPrefix(line, prefix) {
				lines = append(lines, line)
			}
		}
	}
	if len(lines) == 0 {
		x.t.Fatalf("the README has no command that begins with %q", prefix)
	}
	return lines
}

func (x *example) mustRun(text string) {
	x.t.Helper()
	if err := x.once(x.replace.Replace(text), ""); err != nil {
		x.t.Fatal(err)
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	replaceFile(t, to, string(text))
}

// replaceFile replaces a file atomically, as tools that rotate secrets do.
func replaceFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
