package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// result is the outcome of one run of the program.
type result struct {
	code     int
	out, err string
}

// legate runs the program with arguments and an environment.
func legate(t *testing.T, env map[string]string, args ...string) result {
	t.Helper()
	var out, errs strings.Builder
	p := program{out: &out, err: &errs, getenv: func(k string) string { return env[k] }}
	code := p.run(context.Background(), append([]string{"legate"}, args...))
	return result{code, out.String(), errs.String()}
}

// file writes a file and returns its path.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAFlagWinsOverTheEnvironmentTheEnvironmentOverTheFileTheFileOverTheDefault(t *testing.T) {
	path := file(t, "legate.yaml", "render:\n  format: from-file\n")
	env := map[string]string{"LEGATE_CONFIG": path}
	formatOf := func(env map[string]string, args ...string) string {
		r := legate(t, env, append([]string{"render"}, args...)...)
		_, after, _ := strings.Cut(r.err, ": want one of")
		return strings.TrimSuffix(r.err, ": want one of"+after)
	}
	if got := formatOf(env); !strings.HasSuffix(got, `legate.yaml:2: render.format "from-file"`) {
		t.Errorf("the file does not win over the default: %q", got)
	}
	env["LEGATE_RENDER_FORMAT"] = "from-env"
	if got := formatOf(env); got != `legate: $LEGATE_RENDER_FORMAT "from-env"` {
		t.Errorf("the environment does not win over the file: %q", got)
	}
	if got := formatOf(env, "--format", "from-flag"); got != `legate: --format "from-flag"` {
		t.Errorf("the flag does not win over the environment: %q", got)
	}
	catalog := file(t, "catalog.json", `{"Format": "legate catalog 1", "Datacenter": "dc1", "Services": []}`)
	if r := legate(t, nil, "render", "--catalog", catalog, "--format=json"); r.code != 0 || r.out != "[]\n" {
		t.Errorf("a good value of the flag: %+v", r)
	}
}

func TestEveryMistakeNamesTheRemedyAndEndsWith2(t *testing.T) {
	empty := file(t, "empty", "")
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"misspelt command", []string{"serv"}, `unknown command "legate serv": did you mean "serve"?`},
		{"unknown command", []string{"frobnicate"}, `the commands are serve, bootstrap, render,`},
		{"no command", nil, `which command? serve, bootstrap, render,`},
		{"misspelt subcommand", []string{"bootstrap", "envy"}, `did you mean "envoy"?`},
		{"misspelt flag", []string{"serve", "--xds-lisen", "x"}, `unknown flag --xds-lisen for "legate serve": did you mean "--xds-listen"?`},
		{"flag before its command", []string{"--xds-listen", "x", "serve"}, `it is a flag of "legate serve"; write it after the command`},
		{"flag without its value", []string{"serve", "--xds-listen"}, `flag --xds-listen needs a value`},
		{"flag after an argument", []string{"serve", "x", "--log-level", "debug"}, `unexpected argument "x": remove it (it also hides the flag --log-level`},
		{"argument", []string{"version", "x"}, `"legate version" takes flags only`},
		{"help for what is no command", []string{"help", "x"}, `see "legate --help"`},
		{"misspelt value", []string{"serve", "--log-level", "debgu"}, `did you mean "debug"?`},
		{"not a number", []string{"serve", "--max-connections", "many"}, `want a whole number from 1 to`},
		{"not a switch's value", []string{"serve", "--pprof=maybe"}, `want true or false`},
		{"an unknown listener", []string{"serve", "--insecure-listen", "amdin"}, `want some of xds, rest, admin: did you mean "admin"?`},
		{"another listener is allowed", []string{"serve", "--xds-listen", "127.0.0.1:0", "--admin-listen", "0.0.0.0:0", "--insecure-listen", "xds"}, `or allow it with --insecure-listen admin`},
		{"half a path", []string{"serve", "--xds-listen", "unix://xds.sock"}, `want a whole path, such as unix:///run/legate/xds.sock`},
		{"no mode", []string{"serve", "--xds-socket-mode", "rw"}, `want a mode in octal, such as 0660`},
		{"no group", []string{"serve", "--xds-listen", "unix:///tmp/legate-test.sock", "--xds-socket-group", "no-such-group"}, `create it (groupadd no-such-group), or choose another`},
		{"address without a port", []string{"serve", "--xds-listen", "127.0.0.1"}, `want HOST:PORT, such as 127.0.0.1:18000`},
		{"open to all", []string{"serve", "--xds-listen", "0.0.0.0:18000"}, `allow it with --insecure-listen xds`},
		{"open to all, without a host", []string{"serve", "--admin-listen", ":18001", "--xds-listen", "127.0.0.1:0"}, `--admin-listen ":18001": other machines could reach it`},
		{"too few connections", []string{"serve", "--max-connections", "1"}, `at least`},
		{"consul address", []string{"serve", "--consul-addr", "ftp://x"}, `use host:port, http://host:port, https://host:port or unix:///path`},
		{"consul address with a password", []string{"serve", "--consul-addr", "http://u:p4ss@h"}, `--consul-http-auth USER:PASSWORD`},
		{"glob", []string{"serve", "--include", " "}, `use * for every service`},
		{"certificate without its key", []string{"serve", "--consul-client-cert", "cli_test.go"}, `the certificate and its key must both be given`},
		{"missing file", []string{"serve", "--config", "/no/such.yaml"}, `--config "/no/such.yaml": no such file or directory: give the path`},
		{"unreadable token file", []string{"serve", "--consul-token-file", "/no/such"}, `--consul-token-file "/no/such": no such file or directory: give the path of a file that this user can read`},
		{"missing catalog", []string{"render", "--catalog", "/no/such.json"}, `--catalog "/no/such.json": no such file or directory`},
		{"route", []string{"bootstrap", "envoy", "--route", "web"}, `want [HOST:]PORT=SERVICE, such as 8080=web`},
		{"route on a port twice", []string{"bootstrap", "envoy", "--route", "80=a", "--route", "80=b"}, `port 80 is already that of --route "80=a"`},
		{"address with more in it", []string{"bootstrap", "envoy", "--xds-address", "a\nb:1"}, `want HOST:PORT`},
		{"sockets and names", []string{"bootstrap", "envoy", "--xds-address", "unix:///run/x", "--xds-address", "a:1"}, `Envoy cannot mix unix sockets and host names: give IP addresses`},
		{"an address twice", []string{"bootstrap", "envoy", "--xds-address", "a:1", "--xds-address", "a:1"}, `it is there twice: remove one`},
		{"half a socket", []string{"bootstrap", "envoy", "--xds-address", "unix://x"}, `want a whole path, such as unix:///run/legate/xds.sock`},
		{"a socket has no name", []string{"bootstrap", "envoy", "--xds-address", "unix:///run/x", "--ca-file", "x"}, `--server-name: a unix socket has no name`},
		{"a route to Legate", []string{"bootstrap", "envoy", "--route", "80=_legate"}, `that is the name of the cluster of Legate itself`},
		{"TLS without authorities", []string{"bootstrap", "envoy", "--cert-file", "x", "--key-file", "x"}, `--ca-file: Envoy would not know`},
		{"half a certificate", []string{"bootstrap", "envoy", "--ca-file", "x", "--cert-file", "x"}, `give both`},
		{"TLS without its key", []string{"serve", "--tls-cert", "cli_test.go"}, `give both --tls-cert and --tls-key`},
		{"no certificate", []string{"serve", "--tls-cert", "cli_test.go", "--tls-key", "cli_test.go"}, `give a PEM certificate and the key that belongs to it`},
		{"names without authorities", []string{"serve", "--admin-tls-allowed-san", "x"}, `with --admin-tls-client-ca`},
		{"empty token file", []string{"serve", "--admin-listen", "127.0.0.1:0", "--xds-listen", "127.0.0.1:0", "--admin-token-file", empty}, `read admin token file "` + empty + `": it is empty: write the token into it`},
		{"limit", []string{"serve", "--max-streams", "0"}, `want a whole number from 1 to`},
		{"rest without routes", []string{"bootstrap", "envoy", "--mode", "rest"}, `name the services with --route`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := legate(t, nil, c.args...)
			if r.code != exitUsage || !strings.Contains(r.err, c.want) {
				t.Errorf("exit %d, want %d and %q in:\n%s", r.code, exitUsage, c.want, r.err)
			}
			if strings.Contains(r.err, "p4ss") {
				t.Errorf("the password is printed:\n%s", r.err)
			}
		})
	}
}

func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	r := legate(t, map[string]string{"LEGATE_LOG_FORMAT": "xml"}, "serve", "--log-level", "loud", "--max-connections", "x")
	for _, want := range []string{"legate: --log-level", "legate: $LEGATE_LOG_FORMAT", "legate: --max-connections"} {
		if !strings.Contains(r.err, want) {
			t.Errorf("want %q in:\n%s", want, r.err)
		}
	}
}

func TestEverySettingHasAFlagAVariableAndAKeyOfItsOwn(t *testing.T) {
	p := program{getenv: func(string) string { return "" }}
	for _, c := range []*command{p.serve(), p.render(), p.bootstrap().sub[0]} {
		seen := map[string]bool{}
		for _, s := range c.settings {
			if s.name == "config" {
				continue // the file cannot name itself
			}
			if s.name == "" && s.env == "" && strings.Contains(s.key, ".") && s.usage != "" {
				continue // for the file only
			}
			if !strings.HasPrefix(s.env, "LEGATE_") && !strings.HasPrefix(s.env, "CONSUL_") || !strings.Contains(s.key, ".") || s.usage == "" {
				t.Errorf("legate %s --%s: variable %q, key %q, usage %q", c.name, s.name, s.env, s.key, s.usage)
			}
			for _, id := range []string{"--" + s.name, "$" + s.env, s.key} {
				if seen[id] {
					t.Errorf("legate %s: two settings are called %s", c.name, id)
				}
				seen[id] = true
			}
		}
	}
}

func TestConsulsOwnVariablesAreAllRead(t *testing.T) {
	var known []string
	for _, s := range (&program{}).serve().settings {
		known = append(known, s.env)
	}
	for _, want := range strings.Fields(`CONSUL_HTTP_ADDR CONSUL_HTTP_TOKEN CONSUL_HTTP_TOKEN_FILE CONSUL_HTTP_SSL
		CONSUL_HTTP_SSL_VERIFY CONSUL_CACERT CONSUL_CAPATH CONSUL_CLIENT_CERT CONSUL_CLIENT_KEY
		CONSUL_TLS_SERVER_NAME CONSUL_HTTP_AUTH CONSUL_NAMESPACE CONSUL_PARTITION`) {
		if !slices.Contains(known, want) {
			t.Errorf("$%s is not read", want)
		}
	}
}

func TestHelpNamesEverySettingAndNoValueOfTheEnvironment(t *testing.T) {
	var out strings.Builder
	p := program{out: &out, err: &out, getenv: func(string) string { return "s3cret" }}
	for _, c := range []*command{p.serve(), p.render()} {
		out.Reset()
		if code := p.run(context.Background(), []string{"legate", c.name, "--help"}); code != 0 {
			t.Errorf("legate %s --help: exit %d", c.name, code)
		}
		for _, s := range c.settings {
			for _, want := range []string{"--" + s.name, "$" + s.env, s.key} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("legate %s --help does not name %s", c.name, want)
				}
			}
		}
		for line := range strings.Lines(out.String()) {
			if len([]rune(line)) > 90 {
				t.Errorf("legate %s --help has a line of %d characters: %s", c.name, len(line), line)
			}
		}
		if strings.Contains(out.String(), "s3cret") {
			t.Errorf("legate %s --help prints the environment:\n%s", c.name, out.String())
		}
	}
}

func TestSecretsAreNotPrintedEvenWhenTheyAreWrong(t *testing.T) {
	for _, args := range [][]string{
		{"serve", "--consul-http-auth", "s3cret"},
		{"serve", "--consul-token", "s3cret", "--xds-listen", "nowhere"},
	} {
		if r := legate(t, nil, args...); r.code != exitUsage || strings.Contains(r.err+r.out, "s3cret") {
			t.Errorf("legate %v: exit %d:\n%s", args, r.code, r.err)
		}
	}
}

func TestVersionSaysWhatRuns(t *testing.T) {
	if r := legate(t, nil, "version"); r.code != 0 || !strings.HasPrefix(r.out, "legate ") || !strings.Contains(r.out, "go1.") {
		t.Errorf("%+v", r)
	}
}
