package deploy

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"flag"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// top is the source of Legate, seen from this module.
const top = "../.."

var update = flag.Bool("update", false, "write what the tests compare with")

// builds is where programs are that the tests build. It ends with them.
var builds string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "legate-deploy-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	builds = dir
	return m.Run()
}

var build = sync.OnceValues(func() (string, error) {
	if given := os.Getenv(legateIs); given != "" {
		return given, nil
	}
	path := filepath.Join(builds, "legate")
	cmd := exec.Command("make", "--no-print-directory", "build", "PROGRAM="+path)
	cmd.Dir = top
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make build: %w\n%s", err, said)
	}
	return path, nil
})

// legateIs names a Legate that is built already, for a test that runs itself again.
const legateIs = "LEGATE_DEPLOY_PROGRAM"

// legate is the path of Legate's program, static as the image has it.
func legate(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// ask runs Legate and returns what it prints.
func ask(t testing.TB, env []string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), legate(t), args...)
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "CONSUL_") && !strings.HasPrefix(e, "LEGATE_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	return said.String(), err
}

// accepts fails the test unless "legate serve" would start with this environment and these arguments.
func accepts(t testing.TB, env []string, args ...string) {
	t.Helper()
	if said, err := ask(t, env, append([]string{"check", "config"}, args...)...); err != nil || said != "ok\n" {
		t.Errorf("legate check config: %v\n%s", err, said)
	}
}

// source reads a file of Legate's source.
func source(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// same compares with a file of testdata, or writes it.
func same(t testing.TB, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what is made now: make deploy-golden, and review the diff. Made now:\n%s", path, got)
	}
}

// filled makes a folder in which each of these paths is a file that Legate can read: a certificate, its key, or
// text. The certificate is its own authority. It returns a replacer of the paths by those of the folder.
func filled(t testing.TB, certs, keys, texts []string) *strings.Replacer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "legate"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		DNSNames: []string{"legate"}, IsCA: true, BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, leaf, leaf, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var pairs []string
	for _, kind := range []struct {
		paths   []string
		content []byte
	}{
		{certs, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})},
		{keys, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})},
		{texts, []byte("11111111-2222-3333-4444-555555555555\n")},
	} {
		for _, path := range kind.paths {
			to := filepath.Join(dir, path)
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(to, kind.content, 0o600); err != nil {
				t.Fatal(err)
			}
			pairs = append(pairs, path, to)
		}
	}
	return strings.NewReplacer(pairs...)
}

// written writes files, with paths in them replaced, and returns where each is now. In what it writes, the paths
// of all of them are those, too.
func written(t testing.TB, at *strings.Replacer, files map[string]string) map[string]string {
	t.Helper()
	now, pairs := map[string]string{}, []string{}
	for path := range files {
		now[path] = filepath.Join(t.TempDir(), filepath.Base(path))
		pairs = append(pairs, path, now[path])
	}
	own := strings.NewReplacer(pairs...)
	for path, text := range files {
		if err := os.WriteFile(now[path], []byte(own.Replace(at.Replace(text))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return now
}
