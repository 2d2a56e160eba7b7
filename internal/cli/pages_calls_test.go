package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	urfave "github.com/urfave/cli/v2"

	"legate/internal/parts"
)

// prelude makes each program that pages call a function of the shell, which writes down how it is called. A program
// that is not among them ends the shell.
const prelude = `
note() {
	local v
	for v in "${!OTEL_@}" "${!CONSUL_@}" "${!LEGATE_@}"; do printf '%s=%s\x1f' "$v" "${!v}" >>"$CALLS"; done
	printf '%s\x1f' "$@" >>"$CALLS"
	printf '\x1e' >>"$CALLS"
}
for p in legate make curl envoy systemctl promtool install; do eval "$p() { note $p \"\$@\"; }"; done
sudo() { "$@"; }
sleep() { exit 3; } # whoever waits did not get what he waits for
command_not_found_handle() { echo "no test knows what $1 does" >&2; kill $$; }
set -eu
PATH=/nobody
`

// aboveOutput is the kind of a command above its output: another test runs it.
const aboveOutput = "aboveOutput"

// callsOf lets bash read a block, and looks at each program that it calls.
func callsOf(t *testing.T, b pageBlock) {
	t.Helper()
	dir := t.TempDir()
	calls := filepath.Join(dir, "calls")
	for _, folder := range []string{".zfunc", ".config/fish/completions", ".local/share/bash-completion/completions"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, bash, "-c", prelude+strings.ReplaceAll(b.text, "./legate", "legate"))
	cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir, "CALLS=" + calls}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %v: %s\n%s", b, err, out, b.text)
		return
	}
	noted, err := os.ReadFile(calls)
	if err != nil {
		t.Errorf("%v: it calls nothing: %v", b, err)
	}
	for call := range strings.SplitSeq(strings.TrimSuffix(string(noted), "\x1e"), "\x1e") {
		env := map[string]string{}
		words := strings.Split(strings.TrimSuffix(call, "\x1f"), "\x1f")
		for name, value, is := strings.Cut(words[0], "="); is; name, value, is = strings.Cut(words[0], "=") {
			env[name], words = value, words[1:]
		}
		t.Run(fmt.Sprintf("%s:%d %s", b.page, b.line, strings.Join(words, " ")), func(t *testing.T) {
			if err := called(t, b, env, words); err != nil {
				t.Error(err)
			}
		})
	}
}

// called looks at a call of a program.
func called(t *testing.T, b pageBlock, env map[string]string, words []string) error {
	t.Helper()
	switch words[0] {
	case "legate":
		if b.kind == aboveOutput {
			if got := read(env, words[1:]); got.code != 0 {
				return errors.New(got.err)
			}
			return nil
		}
		return legateTakes(t, env, words[1:])
	case "make":
		makefile, err := os.ReadFile(checkout + "Makefile")
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range words[1:] {
			if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(target) + `:`).Match(makefile) {
				return fmt.Errorf("the Makefile has no target %s", target)
			}
		}
	case "curl":
		return answered(t, words[1:])
	}
	return nil // those of the machine: systemctl, install, promtool, envoy. Only their names are looked at
}

// answered reports an error if Legate does not have what curl asks for.
func answered(t *testing.T, words []string) error {
	t.Helper()
	method := "GET"
	for i, w := range words {
		if w == "-X" {
			method = words[i+1]
		}
	}
	m := regexp.MustCompile(`^http://(127\.0\.0\.1:\d+|legate)(/[^?]*)`).FindStringSubmatch(words[len(words)-1])
	switch {
	case m == nil:
		return fmt.Errorf("that is no address that Legate or an Envoy of its pages has")
	case m[1] != "legate" && m[1] != "127.0.0.1:18001": // an Envoy
	case !paths(t).MatchString(method + " " + m[2]):
		return fmt.Errorf("legate does not answer %s %s", method, m[2])
	}
	return nil
}

// alone are the commands that need nobody else.
var alone = []string{"serve", "bootstrap", "check config", "check envoy", "completion", "man", "policy schema", "policy check", "dashboards", "alerts"}

// legateTakes reports an error if Legate does not know the command or one of its flags or values. Commands that need
// nobody else are run: with the files of a folder in place of this machine's, and of serve all that comes before it
// listens.
func legateTakes(t *testing.T, env map[string]string, words []string) error {
	t.Helper()
	dir := machineOf(t)
	t.Chdir(dir)
	for i, w := range words {
		if i > 0 && words[i-1] == "--xds-socket-group" {
			w = ownGroup(t)
		}
		words[i] = below(dir, w)
	}
	run := func(words []string) result { return legate(t, env, words...) }
	line := strings.Join(words, " ") + " "
	switch {
	case !slices.ContainsFunc(alone, func(c string) bool { return strings.HasPrefix(line, c+" ") }) || slices.Contains(words, "--live"):
		run = func(words []string) result { return read(env, words) }
	case words[0] == "serve":
		words = slices.Concat([]string{"check", "config"}, words[1:])
	}
	if got := run(words); got.code != 0 {
		return fmt.Errorf("exit code %d: %s%s", got.code, got.err, got.out)
	}
	return nil
}

// below is a text with this machine's folders in a folder.
func below(dir, text string) string {
	return regexp.MustCompile(`(^| |unix://)/(etc|run|usr|var)/`).ReplaceAllString(text, "${1}"+dir+"/$2/")
}

// read has Legate read a command line, and does not run it.
func read(env map[string]string, words []string) result {
	var errs strings.Builder
	p := program{out: &errs, err: &errs, getenv: func(k string) string { return env[k] }}
	all := p.commands()
	app := &urfave.App{Name: "legate", HelpName: "legate", Writer: &errs, ErrWriter: &errs, Action: p.noCommand(all, "legate"), OnUsageError: p.usage(all), ExitErrHandler: func(*urfave.Context, error) {}}
	for _, c := range all {
		c.idle()
		app.Commands = append(app.Commands, c.build(&p, all, "legate"))
	}
	err := app.Run(append([]string{"legate"}, words...))
	return result{code: exitCode(err), err: fmt.Sprint(err), out: errs.String()}
}

// idle makes a command do nothing.
func (c *command) idle() {
	c.run = func(context.Context) error { return nil }
	for _, s := range c.sub {
		s.idle()
	}
}

const aRule = "services: [{match: {names: [web]}, connect_timeout: 2s}]\n"

// machineOf is a folder with what the pages' commands find in the folder where they are called, and below /.
func machineOf(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "p") // the names of t.TempDir are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, folder := range []string{"etc/legate", "etc/envoy", "etc/prometheus", "run/legate", "var/lib/legate", "var/lib/grafana/dashboards/legate", "usr/local/share/man/man1", "deploy", "ci"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	certs, err := parts.NewCerts(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]string{"ca.pem": certs.CAFile, "legate.pem": certs.CertFile, "legate.key": certs.KeyFile, "envoy.pem": certs.CertFile, "envoy.key": certs.KeyFile, "etc/legate/consul-ca.pem": certs.CAFile} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), string(text))
	}
	for name, text := range map[string]string{
		"etc/legate/legate.yaml": "log: {level: info}\n", "deploy/legate.yaml": "log: {level: info}\n",
		"etc/legate/consul-token": "3b1f1c1e-6c1d-4b5e-9b5a-0c1e6f1d2a3b\n",
		"etc/legate/policy.yaml":  aRule, "deploy/policy.yaml": aRule, "new.yaml": aRule,
		"ci/catalog.json": catalogAfter, "deploy/envoy.yaml": legate(t, nil, "bootstrap", "envoy", "--route", "8080=web").out,
	} {
		write(t, filepath.Join(dir, name), text)
	}
	return dir
}

// ownGroup is the name of this process's group, which the pages call envoy.
func ownGroup(t *testing.T) string {
	t.Helper()
	g, err := user.LookupGroupId(fmt.Sprint(os.Getgid()))
	if err != nil {
		t.Fatal(err)
	}
	return g.Name
}
