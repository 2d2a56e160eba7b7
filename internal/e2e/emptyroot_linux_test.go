package e2e_test

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"legate/internal/parts"
)

// "make build" makes a static program: it needs no loader and no library.
func TestTheProgramThatIsShippedIsStatic(t *testing.T) {
	t.Parallel()
	shipped := makeBuild(t)
	f, err := elf.Open(shipped)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			loader, _ := io.ReadAll(p.Open())
			t.Errorf("it needs the loader %q", loader)
		}
	}
	if libraries, err := f.ImportedLibraries(); err == nil && len(libraries) > 0 {
		t.Errorf("it needs libraries: %v", libraries)
	}
}

// In a root that holds only the program, like an image from scratch, Legate finds Consul by
// address, also over TLS with its own authority, and says what is missing to find it by name. Its
// times are UTC there.
func TestLegateStartsInAnEmptyRoot(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{HTTPS: true})
	s.register(t, "shop", "shop-1", 1)
	root := t.TempDir()
	put(t, makeBuild(t), filepath.Join(root, "legate"), 0o755)

	l := inRoot(t, root, "--consul-addr", s.consul.Addr, "--state-dir", "/state")
	l.awaitReady(t)
	if _, err := os.Stat(filepath.Join(root, "state", "last-known-catalog")); err != nil {
		eventually(t, func() error { _, err := os.Stat(filepath.Join(root, "state", "last-known-catalog")); return err })
	}
	log, err := os.ReadFile(l.Log)
	if err != nil || !strings.Contains(string(log), `Z","level":`) {
		t.Errorf("its times are not UTC: %v\n%s", err, log)
	}
	l.stop(t)

	// The root has none of the usual authorities of a system.
	l = inRoot(t, root, "--consul-addr", "https://"+s.consul.HTTPSAddr)
	eventually(t, func() error {
		if _, err := l.get("/readyz"); err == nil || !strings.Contains(err.Error(), "--consul-ca-file") {
			return fmt.Errorf("it does not say what it lacks: %w", err)
		}
		return nil
	})
	l.stop(t)

	_, port, _ := strings.Cut(s.consul.HTTPSAddr, ":")
	byName := []string{"--consul-addr", "https://localhost:" + port, "--consul-ca-file", "/ca.pem"}
	put(t, s.consul.Certs.CAFile, filepath.Join(root, "ca.pem"), 0o644)
	l = inRoot(t, root, byName...)
	eventually(t, func() error {
		if _, err := l.get("/readyz"); err == nil || !strings.Contains(err.Error(), "lookup localhost") {
			return fmt.Errorf("it does not say what it cannot look up: %w", err)
		}
		return nil
	})
	l.stop(t)

	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "etc", "hosts"), []byte("127.0.0.1 localhost\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	l = inRoot(t, root, byName...)
	l.awaitReady(t)
	l.stop(t)
}

// makeBuild builds the program with the Makefile.
func makeBuild(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it builds the program")
	}
	to := filepath.Join(t.TempDir(), "legate")
	cmd := exec.CommandContext(t.Context(), "make", "--no-print-directory", "build", "PROGRAM="+to)
	cmd.Dir = filepath.Join("..", "..")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make build: %v\n%s", err, said)
	}
	return to
}

// inRoot starts the Legate in the root, from which it cannot see anything else.
func inRoot(t testing.TB, root string, args ...string) *legate {
	t.Helper()
	l := newLegate(t, nil, args...)
	l.Path, l.Env = "/legate", []string{"TZ=Europe/Berlin"}
	l.Edit = func(cmd *exec.Cmd) {
		a := cmd.SysProcAttr
		a.Chroot = root
		if os.Geteuid() != 0 { // chroot needs root, or a user namespace
			a.Cloneflags = syscall.CLONE_NEWUSER
			a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
			a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
		}
	}
	if err := l.Launch(); errors.Is(err, syscall.EPERM) {
		t.Skipf("this machine lets nobody have a root of their own: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	return l
}

func put(t testing.TB, from, to string, mode os.FileMode) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, mode)
	}
	if err != nil {
		t.Fatal(err)
	}
}
