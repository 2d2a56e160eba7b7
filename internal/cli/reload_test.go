package cli

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hangUp sends SIGHUP to this process, as "systemctl reload" does.
func hangUp(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAChangedFileIsTakenOverWholeOrNotAtAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "legate.yaml")
	write(t, path, "log: {level: info}\n")
	r := serve(t, "--consul-addr", closedPort(t), "--config", path, "--exclude", "by-flag")

	write(t, path, "log: {level: debug}\nservices: {include: a, exclude: b}\nconsul: {max_connections: 50}\nguard: {mass_critical: serve-all}\n")
	hangUp(t)
	if done := r.log.await(t, "configuration is reloaded"); fmt.Sprint(done["changed"]) != "[include mass-critical log-level]" || done["cause"] != "SIGHUP" {
		t.Errorf("%v", done) // not exclude: the flag wins
	}
	if left := r.log.await(t, "changed settings need a restart"); fmt.Sprint(left["settings"]) != "[max-connections]" || left["remedy"] == "" {
		t.Errorf("%v", left)
	}
	r.says(t, "changed settings wait for a restart: max-connections", true)

	for n, wrong := range []struct {
		text  string
		wants []string
	}{
		{"log: {level: error}\nservices:\n  inlcude: a\n", []string{"legate.yaml:3", "inlcude", `did you mean "include"?`}},
		{"log: {level: error}\nxds: {tls_allowed_sans: x}\n", []string{"give both --tls-cert and --tls-key", "--tls-client-ca"}},
	} {
		write(t, path, wrong.text)
		hangUp(t)
		refused := r.log.awaitNth(t, n+1, "configuration is not reloaded")
		for _, want := range wrong.wants {
			if !strings.Contains(fmt.Sprint(refused["error"]), want) {
				t.Errorf("want %s in %v", want, refused)
			}
			r.says(t, want, true)
		}
	}
	if _, page := r.get("/metrics"); !strings.Contains(page, "legate_config_last_reload_successful 0") ||
		!strings.Contains(page, `legate_config_reloads_total{outcome="rejected"} 2`) {
		t.Error("the metrics do not say so")
	}

	// None of the rejected file was applied, not even its valid settings: info is still logged.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, path, "log: {level: info}\n")
	began := time.Now()
	for r.log.count("configuration is reloaded") < 2 { // without a signal
		if time.Since(began) > 15*time.Second {
			t.Fatal("a changed file is not noticed")
		}
		time.Sleep(50 * time.Millisecond)
	}
	r.says(t, "is rejected", false)
	if time.Since(began) < pollEvery {
		t.Error("the file was read before it was the same twice")
	}
	if code := r.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// says checks whether page, status and /readyz contain a text.
func (r *running) says(t *testing.T, what string, want bool) {
	t.Helper()
	for _, path := range []string{"/", "/readyz", "/api/v1/status"} {
		_, body := r.get(path)
		body = html.UnescapeString(strings.ReplaceAll(body, `\"`, `"`))
		if strings.Contains(body, what) != want {
			t.Errorf("%s: says %q: %v\n%s", path, what, !want, body)
		}
	}
}

// Whoever sends SIGHUP wants a reload; Legate must not end.
func TestSIGHUPWithoutAConfigurationFileIsAnsweredInTheLog(t *testing.T) {
	r := serve(t, "--consul-addr", closedPort(t))
	for n := range 2 {
		hangUp(t)
		if said := r.log.awaitNth(t, n+1, "SIGHUP, and there is no configuration file"); said["level"] != "WARN" || said["remedy"] == "" {
			t.Errorf("%v", said)
		}
	}
	if code, _ := r.get("/healthz"); code != 200 {
		t.Errorf("healthz: %d", code)
	}
	if code := r.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestAListOfNothingIsAnEmptyListInTheLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "legate.yaml")
	write(t, path, "log: {format: json}\n")
	r := serve(t, "--consul-addr", closedPort(t), "--config", path)
	hangUp(t)
	if done := r.log.await(t, "configuration is reloaded"); fmt.Sprint(done["changed"]) != "[]" {
		t.Errorf("changed: %v", done["changed"])
	}
	r.end()
	if strings.Contains(r.log.String(), "null") {
		t.Errorf("null in the log:\n%s", r.log)
	}
}

// A file that would not start, or would not be reloaded, is found beforehand.
func TestCheckConfigSaysWhatServeWould(t *testing.T) {
	good := filepath.Join(t.TempDir(), "legate.yaml")
	write(t, good, "xds: {listen: 'unix:///run/legate/xds.sock'}\nadmin: {metrics_listen: '0.0.0.0:18003'}\n")
	if r := legate(t, nil, "check", "config", "--config", good); r.code != exitOK || r.out != "ok\n" || r.err != "" {
		t.Errorf("%+v", r)
	}
	for text, want := range map[string]string{
		"log: {leve: info}":                                     `did you mean "level"?`,
		"xds: {listen: '0.0.0.0:1'}":                            "allow it with --insecure-listen xds",
		"xds: {listen: 'here'}":                                 "want HOST:PORT",
		"xds: {tls_cert: check.go, tls_key: check.go}":          "the key that belongs to it",
		"admin: {token_file: " + file(t, "empty", "") + "}":     "write the token into it",
		"consul: {token_file: /dev/null}":                       "it is a device, and a regular file is needed",
		"consul: {addr: 'https://c', ca_file: check.go}":        "read consul authorities",
		"xds: {socket_group: no-such-group}":                    "groupadd no-such-group",
		"guard: {mass_critical: perhaps}\nlog: {format: paper}": "want one of believe, serve-all",
	} {
		path := filepath.Join(t.TempDir(), "legate.yaml")
		write(t, path, text)
		if r := legate(t, nil, "check", "config", "--config", path); r.code != exitUsage || !strings.Contains(r.err, want) || r.out != "" {
			t.Errorf("%s: exit %d, want %q in %s%s", text, r.code, want, r.out, r.err)
		}
	}
}

func TestTheReadmeNamesWhatHoldsWithoutARestart(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var flags []string
	for _, name := range live {
		flags = append(flags, "`--"+name+"`")
	}
	if want := "| " + strings.Join(flags, ", ") + " in the file of `--config` |"; !strings.Contains(string(readme), want) {
		t.Errorf("the README lacks the row %q", want)
	}
}

func TestWhatNeedsARestartDiffersUntilThereWasOne(t *testing.T) {
	settings := func(include, listen string) []*setting {
		return []*setting{{name: "include", chosen: []string{include}}, {name: "xds-listen", chosen: []string{listen}}}
	}
	running := settings("a", "x")
	for _, step := range []struct{ include, listen, changed, stuck string }{
		{"a", "x", "[]", "[]"},
		{"b", "y", "[include]", "[xds-listen]"},
		{"b", "y", "[]", "[xds-listen]"},
		{"b", "x", "[]", "[]"},
	} {
		changed, stuck := differing(running, settings(step.include, step.listen))
		if fmt.Sprint(changed) != step.changed || fmt.Sprint(stuck) != step.stuck {
			t.Errorf("%+v: %v %v", step, changed, stuck)
		}
	}
}
