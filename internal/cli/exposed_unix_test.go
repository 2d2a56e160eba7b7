//go:build unix

package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"legate/internal/logtest"
)

func TestSecretsThatOthersCanReadAreNamedOnceEach(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, at("token"), "token\n")
	write(t, at("admin"), "token\n")
	write(t, at("legate.yaml"), "admin: {token_file: "+at("admin")+"}\nconsul: {ca_file: "+at("public")+"}\n")
	write(t, at("public"), "")
	if err := errors.Join(os.Chmod(at("token"), 0o644), os.Chmod(at("admin"), 0o640), os.Chmod(at("legate.yaml"), 0o666), os.Chmod(at("public"), 0o644)); err != nil {
		t.Fatal(err)
	}
	begin := func(args ...string) map[string]string {
		t.Helper()
		r := serve(t, append([]string{"--consul-addr", closedPort(t), "--config", at("legate.yaml")}, args...)...)
		r.log.await(t, "legate starts")
		r.end()
		said := map[string]string{}
		for n := range r.log.count("file is open to others") {
			line := r.log.awaitNth(t, n+1, "file is open to others")
			file := fmt.Sprint(line["file"])
			if said[file] != "" {
				t.Errorf("%s is named twice", file)
			}
			said[file] = fmt.Sprint(line["setting"], " ", line["mode"], " ", line["others_can"], ": ", line["remedy"])
		}
		return said
	}
	said := begin("--consul-token-file", at("token"))
	if len(said) != 2 || said[at("token")] != "--consul-token-file 0644 read: chmod o-rwx "+at("token") ||
		said[at("legate.yaml")] != "--config 0666 change: chmod o-w "+at("legate.yaml") {
		t.Errorf("%q", said)
	}
	for _, s := range said {
		if strings.Contains(s, at("public")) {
			t.Errorf("a certificate is no secret: %s", s)
		}
	}
	if err := os.Chmod(at("admin"), 0o602); err != nil {
		t.Fatal(err)
	}
	said = begin("--consul-token-file", at("admin")) // two settings share one file
	if len(said) != 2 || said[at("admin")] != "--consul-token-file 0602 change: chmod o-rwx "+at("admin") {
		t.Errorf("%q", said)
	}
}

// A configuration is often one for all to read; it is no secret unless it has one in it.
func TestAConfigurationThatOthersCanReadIsNamedOnlyIfItHasASecret(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		want string // what others can
	}{
		"without a secret":                {"log: {level: info}\n", 0o644, ""},
		"that names a file with one":      {"consul: {token_file: TOKEN}\n", 0o644, ""},
		"with a token":                    {"consul: {token: s3cret}\n", 0o644, "read"},
		"with a password":                 {"consul: {http_auth: 'u:s3cret'}\n", 0o644, "read"},
		"with a token, for its user only": {"consul: {token: s3cret}\n", 0o600, ""},
		"that others can change":          {"log: {level: info}\n", 0o646, "change"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, token := filepath.Join(dir, "legate.yaml"), filepath.Join(dir, "token")
			write(t, token, "s3cret\n")
			write(t, path, strings.ReplaceAll(c.text, "TOKEN", token))
			if err := errors.Join(os.Chmod(token, 0o600), os.Chmod(path, c.mode)); err != nil {
				t.Fatal(err)
			}
			p := &program{getenv: func(string) string { return "" }}
			serve, _ := p.serveCommand()
			for _, s := range serve.settings {
				if s.name == "config" {
					s.given = []string{path}
				}
			}
			if err := p.resolve(serve.settings, []*command{serve}); err != nil {
				t.Fatal(err)
			}
			var log logtest.Buffer
			warnOfExposed(serve.settings, slog.New(slog.NewTextHandler(&log, nil)))
			said := strings.Join(log.Lines("file is open to others"), "")
			if c.want == "" && said != "" || c.want != "" && !strings.Contains(said, "others_can="+c.want+" ") {
				t.Errorf("said %q, want that others can %q", said, c.want)
			}
			if strings.Contains(log.String(), "s3cret") {
				t.Error("the secret is told")
			}
		})
	}
}

// Whoever can change a policy decides where traffic goes. To be read it is for everybody.
func TestAPolicyThatOthersCanChangeIsNamed(t *testing.T) {
	folder := t.TempDir()
	closed, open := filepath.Join(folder, "10.yaml"), filepath.Join(folder, "20.yaml")
	write(t, closed, "owners: []\n")
	write(t, open, "owners: []\n")
	if err := errors.Join(os.Chmod(folder, 0o777), os.Chmod(closed, 0o644), os.Chmod(open, 0o646)); err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string][]string{closed: nil, open: {open}, folder: {folder, open}} {
		var path string
		one := policySetting(&path)
		one.chosen = []string{given}
		var log logtest.Buffer
		warnOfExposed([]*setting{one}, slog.New(slog.NewTextHandler(&log, nil)))
		said := log.Lines("file is open to others")
		if len(said) != len(want) {
			t.Errorf("%s: said %q, want %d lines", given, said, len(want))
			continue
		}
		for i, w := range want {
			if !strings.Contains(said[i], `remedy="chmod o-w `+w+`"`) || !strings.Contains(said[i], " others_can=change ") {
				t.Errorf("%s: said %q, want that others can change %s", given, said[i], w)
			}
		}
	}
}

// Every setting of a file with secrets must be marked private.
func TestEachFileThatHoldsASecretIsMarkedSo(t *testing.T) {
	c, _ := (&program{}).serveCommand()
	var marked []string
	for _, s := range c.settings {
		if s.private {
			marked = append(marked, s.name)
		}
	}
	if want := "consul-token-file consul-client-key policy tls-key admin-token-file admin-tls-key config"; strings.Join(marked, " ") != want {
		t.Errorf("marked are %q, want %s", marked, want)
	}
}
