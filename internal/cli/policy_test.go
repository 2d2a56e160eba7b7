package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// savedWeb is a saved catalog with a service of two instances, of which one has meta.
func savedWeb(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "catalog.json")
	web := catalog.Service{Key: catalog.ServiceKey{Datacenter: "dc1", Name: "web"}, Instances: []catalog.Instance{
		{Node: "n1", ID: "a", Address: "10.0.0.1", Port: 80, CreateIndex: 1},
		{Node: "n2", ID: "b", Address: "10.0.0.2", Port: 80, CreateIndex: 2, Meta: map[string]string{"legate-protocol": "grpc"}},
	}}
	api := catalog.Service{Key: catalog.ServiceKey{Datacenter: "dc1", Name: "api"}}
	if err := saveCatalog(path, "dc1", catalog.Of(api, web)); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPolicyCheckSaysWhichServicesWouldChangeAndHow(t *testing.T) {
	saved := savedWeb(t)
	old := file(t, "old.yaml", "defaults: {connect_timeout: 2s}\n")
	next := file(t, "new.yaml", "defaults: {connect_timeout: 2s}\nservices:\n- match: {names: [w*]}\n  lb_policy: maglev\n  connect_timeout: 3s\n")
	r := legate(t, nil, "policy", "check", next, "--catalog", saved, "--policy", old)
	for _, want := range []string{"web:\n  connect_timeout: 2s → 3s (services " + next + ":3)\n  lb_policy: not set → maglev", "1 service of 2 would have another policy; 1 cluster would be rebuilt"} {
		if r.code != 0 || !strings.Contains(r.out, want) {
			t.Errorf("exit %d, %s%s\nlacks %s", r.code, r.out, r.err, want)
		}
	}
	if strings.Contains(r.out, "api") {
		t.Errorf("api does not change: %s", r.out)
	}
	if r := legate(t, nil, "policy", "check", next); r.code != 0 || r.out != "ok\n" {
		t.Errorf("exit %d, %s%s", r.code, r.out, r.err)
	}
}

// TestPolicyCheckWarnsOfWhatIsHardlyMeant: with exit code 0, or 1 if --strict is given.
func TestPolicyCheckWarnsOfWhatIsHardlyMeant(t *testing.T) {
	saved := savedWeb(t)
	next := file(t, "new.yaml", "services:\n- match: {names: [wbe]}\n  protocol: http1\n  http2: {max_concurrent_streams: 5}\n- match: {names: [web]}\n  http2: {keepalive_interval: 30s}\n")
	alone := []string{"warning: " + next + ":4: http2.max_concurrent_streams has no effect: protocol is http1 (services " + next + ":2): set protocol to http2 or grpc, or remove them\n"}
	lacks := "warning: " + next + ":6: http2.keepalive_interval has no effect unless the service's owner sets http2.keepalive_timeout: a ping needs a time limit: set http2.keepalive_timeout too\n"
	typo := "warning: " + next + ":2: no service is called \"wbe\": did you mean \"web\"?\n"
	for _, c := range []struct {
		want, not []string
		args      []string
	}{
		{append(alone, lacks), []string{typo}, nil},
		{append(alone, typo), []string{lacks}, []string{"--catalog", saved}},
	} {
		args := append([]string{"policy", "check", next}, c.args...)
		r, strict := legate(t, nil, args...), legate(t, nil, append(args, "--strict")...)
		if r.code != 0 || strict.code != 1 || !strings.Contains(strict.err, "2 warnings, and --strict allows none") || !strings.HasPrefix(strict.out, strings.TrimSuffix(r.out, "ok\n")) {
			t.Errorf("%v: exit %d, strictly %d: %s", args, r.code, strict.code, strict.err)
		}
		for _, want := range c.want {
			if !strings.Contains(r.out, want) {
				t.Errorf("%v: %s\nlacks %s", args, r.out, want)
			}
		}
		for _, not := range c.not {
			if strings.Contains(r.out, not) {
				t.Errorf("%v: %s\nhas %s", args, r.out, not)
			}
		}
	}
}

func TestPolicyExplainSaysWhatHasNoEffect(t *testing.T) {
	next := file(t, "new.yaml", "defaults: {http2: {max_concurrent_streams: 5}}\nservices:\n- {match: {names: [web]}, protocol: http1}\n")
	r := legate(t, nil, "policy", "explain", "web", "--catalog", savedWeb(t), "--policy", next)
	if want := "has no effect: http2.max_concurrent_streams: protocol is http1 (services " + next + ":3): set protocol"; r.code != 0 || !strings.Contains(r.out, want) {
		t.Errorf("exit %d, %s%s\nlacks %s", r.code, r.out, r.err, want)
	}
}

// TestPolicyCheckReadsConsul if it is told to; without a word of it, it connects to nothing.
func TestPolicyCheckReadsConsul(t *testing.T) {
	consul, _ := curiousConsul(t)
	next := file(t, "new.yaml", "services:\n- match: {names: [wbe]}\n  protocol: grpc\n")
	for _, c := range []struct {
		env  map[string]string
		args []string
		want string
	}{
		{map[string]string{"CONSUL_HTTP_ADDR": consul}, []string{"--live"}, `no service is called "wbe"`},
		{nil, []string{"--consul-addr", consul}, `no service is called "wbe"`},
		{map[string]string{"CONSUL_HTTP_ADDR": consul}, nil, "ok\n"},
	} {
		r := legate(t, c.env, append([]string{"policy", "check", next}, c.args...)...)
		if r.code != 0 || !strings.Contains(r.out, c.want) {
			t.Errorf("%v: exit %d, %s%s", c.args, r.code, r.out, r.err)
		}
	}
}

func TestAWrongPolicyIsAnErrorWhereverItIsRead(t *testing.T) {
	wrong := file(t, "wrong.yaml", "defaults:\n  protokol: grpc\n  connect_timeout: 5\n")
	refused := file(t, "refused.yaml", "services:\n- match: {names: [web]}\n  envoy: {connect_timeout: -1s}\n")
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{1, `wrong.yaml:2: unknown field "protokol" in defaults: did you mean "protocol"?`, []string{"policy", "check", wrong}},
		{1, `wrong.yaml:3: connect_timeout: "5" is no time span`, []string{"policy", "check", wrong}},
		{1, "refused.yaml:2: envoy would refuse this", []string{"policy", "check", refused}},
		{2, "wrong.yaml:2", []string{"check", "config", "--policy", wrong}},
		{2, "wrong.yaml:2", []string{"serve", "--policy", wrong}},
		{2, "wrong.yaml:2", []string{"render", "--catalog", savedWeb(t), "--policy", wrong}},
		{2, "needs FILE|FOLDER", []string{"policy", "check"}},
		{2, `unexpected argument "more"`, []string{"policy", "check", wrong, "more"}},
		{1, "is not served", []string{"policy", "explain", "nobody", "--catalog", savedWeb(t)}},
	} {
		if r := legate(t, nil, c.args...); r.code != c.code || !strings.Contains(r.err, c.want) {
			t.Errorf("%v: exit %d, %s\nwant %d, %s", c.args, r.code, r.err, c.code, c.want)
		}
	}
}

func TestPolicyExplainSaysWhoSaidWhat(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "20-rules.yaml"), "services:\n- match: {names: [web]}\n  lb_policy: random\n")
	write(t, filepath.Join(folder, "10-defaults.yaml"), "defaults: {lb_policy: maglev, connect_timeout: 1s}\n")
	write(t, filepath.Join(folder, "notes.txt"), "not a policy")
	saved := savedWeb(t)
	r := legate(t, nil, "policy", "explain", "web", "--catalog", saved, "--policy", folder)
	for _, want := range []string{"connect_timeout          1s      defaults " + folder, "lb_policy                random  services " + folder, "healthy_panic_threshold  0%      built-in",
		"does not count: owner legate-protocol: instances disagree: nothing, by 1 of 2, holds"} {
		if r.code != 0 || !strings.Contains(r.out, want) {
			t.Errorf("exit %d, %s%s\nlacks %s", r.code, r.out, r.err, want)
		}
	}
	r = legate(t, nil, "policy", "explain", "web", "--catalog", saved, "--policy", folder, "--json")
	var x policy.Explanation
	if err := json.Unmarshal([]byte(r.out), &x); err != nil || x.Service != "web" || len(x.Fields) != 3 || len(x.Problems) != 1 {
		t.Errorf("%v: %s", err, r.out)
	}
}

// TestAChangedPolicyIsTakenOverWholeOrNotAtAll, and a good configuration file does not hide a bad policy.
func TestAChangedPolicyIsTakenOverWholeOrNotAtAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	write(t, path, "defaults: {connect_timeout: 1s}\n")
	r := serve(t, "--consul-addr", closedPort(t), "--policy", path)
	write(t, path, "defaults: {connect_timeout: 2s}\nservices:\n- match: {names: [web]}\n  protokol: grpc\n")
	refused := r.log.await(t, "policy is not reloaded") // without a signal
	if said, _ := refused["error"].(string); !strings.Contains(said, `policy.yaml:4: unknown field "protokol"`) || refused["remedy"] == "" {
		t.Errorf("%v", refused)
	}
	r.says(t, "the changed policy is rejected", true)
	if _, page := r.get("/metrics"); !strings.Contains(page, "legate_config_last_reload_successful 0") {
		t.Error("the metrics do not say so")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Millisecond)
	write(t, path, "defaults: {connect_timeout: 3s}\n")
	hangUp(t)
	r.log.await(t, "policy is reloaded")
	r.says(t, "the changed policy is rejected", false)
	if _, page := r.get("/metrics"); !strings.Contains(page, "legate_config_last_reload_successful 1") {
		t.Error("the metrics do not say so")
	}
	if code := r.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestAPolicyThatIsGoneIsNotBelieved until somebody says that it is meant: files are cut off by full disks, and
// folders are empty while nothing is mounted.
func TestAPolicyThatIsGoneIsNotBelieved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	write(t, path, "defaults: {connect_timeout: 1s}\n")
	r := serve(t, "--consul-addr", closedPort(t), "--policy", path)
	write(t, path, "")
	refused := r.log.await(t, "policy is not reloaded")
	if said, _ := refused["error"].(string); !strings.Contains(said, "says nothing any more") || !strings.Contains(said, "SIGHUP") {
		t.Errorf("%v", refused)
	}
	r.says(t, "says nothing any more", true)
	hangUp(t)
	r.log.await(t, "policy is reloaded")
	r.says(t, "says nothing any more", false)
	if code := r.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
