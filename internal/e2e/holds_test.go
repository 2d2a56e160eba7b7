package e2e_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// An operator sees what is held, releases it over the socket, and Envoy follows.
func TestAHoldIsShownAndReleased(t *testing.T) {
	t.Parallel()
	consul := partstest.Consul(t, parts.ConsulOptions{})
	for n := range 12 {
		name := fmt.Sprintf("shop-%02d", n)
		if err := consul.Register(t.Context(), parts.Instance{ID: name, Service: name, Port: 80}); err != nil {
			t.Fatal(err)
		}
	}
	socket := filepath.Join(t.TempDir(), "admin")
	l := startLegate(t, consul, "--admin-socket", socket)
	for n := range 10 {
		if err := consul.Deregister(t.Context(), fmt.Sprintf("shop-%02d", n)); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), l.Path, append(append([]string{"holds"}, args...), "--admin-socket", socket)...).CombinedOutput()
		if err != nil {
			t.Fatalf("legate holds %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	time.Sleep(8 * time.Second) // longer than any other hold lasts here
	if s := l.status(t); s.Consul.Services != 12 {
		t.Errorf("%d services are served, 12 were", s.Consul.Services)
	}
	if out := holds("list"); strings.Count(out, "datacenter") < 10 || !strings.Contains(out, "--all") {
		t.Errorf("list:\n%s", out)
	}
	if out := holds("release", "--service", "shop-03"); !strings.Contains(out, "1 hold") {
		t.Error(out)
	}
	if out := holds("release", "--all"); !strings.Contains(out, "9 holds") {
		t.Error(out)
	}
	if s := l.status(t); s.Consul.Services != 2 {
		t.Errorf("%d services are served after the release, want 2", s.Consul.Services)
	}
}
