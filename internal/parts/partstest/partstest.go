// Package partstest gives tests a real Consul, a real Envoy and a real Prometheus that end with the test.
//
// A test is skipped with -short, and if a program is not available; with CI=true in the environment
// the latter is a failure. When a test fails, the end of each program's log is printed.
package partstest

import (
	"context"
	"io"
	"os"
	"runtime"
	"testing"
	"time"

	"legate/internal/parts"
	"legate/internal/parts/pinned"
)

// logTail is how many lines of a program's log a failed test prints.
const logTail = 40

// Consul starts a Consul that ends with the test.
func Consul(t testing.TB, o parts.ConsulOptions) *parts.Consul {
	t.Helper()
	o.Path = want(t, o.Path, pinned.Consul)
	c, err := parts.StartConsul(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		report(t, c.Log())
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// Federation starts a federation that ends with the test.
func Federation(t testing.TB, o parts.FederationOptions) *parts.Federation {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("it needs loopback addresses besides 127.0.0.1")
	}
	o.Consul.Path = want(t, o.Consul.Path, pinned.Consul)
	f, err := parts.StartFederation(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, c := range f.All() {
			report(t, c.Log())
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// Envoy starts an Envoy that ends with the test.
func Envoy(t testing.TB, o parts.EnvoyOptions) *parts.Envoy {
	t.Helper()
	o.Path = want(t, o.Path, pinned.Envoy)
	e, err := parts.StartEnvoy(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		report(t, e.Log())
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// Prometheus starts a Prometheus that ends with the test.
func Prometheus(t testing.TB, o parts.PrometheusOptions) *parts.Prometheus {
	t.Helper()
	o.Path = want(t, o.Path, pinned.Prometheus)
	p, err := parts.StartPrometheus(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		report(t, p.Log())
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// EnvoyPath returns the path of a real Envoy, for a test that starts it itself.
func EnvoyPath(t testing.TB) string {
	t.Helper()
	return want(t, "", pinned.Envoy)
}

// ConsulPath returns the path of a real Consul, for a test that starts it itself.
func ConsulPath(t testing.TB) string {
	t.Helper()
	return want(t, "", pinned.Consul)
}

// PrometheusPath returns the path of a real Prometheus, for a test that starts it itself.
func PrometheusPath(t testing.TB) string {
	t.Helper()
	return want(t, "", pinned.Prometheus)
}

// Backend starts a backend that ends with the test.
func Backend(t testing.TB, name, addr string) *parts.Backend {
	t.Helper()
	b, err := parts.StartBackend(name, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// Eventually repeats ask until it returns no error, for 10 seconds at most.
func Eventually(t testing.TB, ask func() error) {
	t.Helper()
	Within(t, 10*time.Second, ask)
}

// Within repeats ask until it returns no error, for so long at most.
func Within(t testing.TB, limit time.Duration, ask func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still after %v: %v", limit, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

type find func(context.Context, io.Writer) (string, error)

func want(t testing.TB, path string, find find) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it needs real programs")
	}
	if path != "" {
		return path
	}
	path, err := find(t.Context(), t.Output())
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	t.Skip(err)
	return ""
}

func report(t testing.TB, log string) {
	if t.Failed() {
		t.Logf("end of %s:\n%s", log, parts.LogTail(log, logTail))
	}
}

// DNS starts a DNS server that ends with the test.
func DNS(t testing.TB) *parts.DNS {
	t.Helper()
	d, err := parts.StartDNS()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Stop)
	return d
}
