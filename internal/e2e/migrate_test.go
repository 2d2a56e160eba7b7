package e2e_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// The README of examples/migrate shows the complete difference between before.yaml and after.yaml.
func TestTheMigrationIsWhatItsREADMEShows(t *testing.T) {
	dir := filepath.Join("..", "..", "examples", "migrate")
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	got := read("before.yaml")
	for _, b := range blocks(read("README.md")) {
		if b.kind != diff {
			continue
		}
		from, to := sides(b.text)
		if n := strings.Count(got, from); n != 1 {
			t.Fatalf("%d places fit this hunk, want 1:\n%s", n, b.text)
		}
		got = strings.Replace(got, from, to, 1)
	}
	if want := read("after.yaml"); got != want {
		t.Errorf("before.yaml with the README's hunks is\n%s\nwant after.yaml\n%s", got, want)
	}
}

// sides returns the two texts of a hunk.
func sides(hunk string) (from, to string) {
	for line := range strings.Lines(hunk) {
		text := line[1:]
		if line[0] != '+' {
			from += text
		}
		if line[0] != '-' {
			to += text
		}
	}
	return from, to
}

// An Envoy with static clusters is replaced, by hot restart, with one that gets the endpoints of
// one cluster from Legate, and back again: no request is lost.
func TestTrafficGoesOnDuringTheMigration(t *testing.T) {
	t.Parallel()
	consul := partstest.Consul(t, parts.ConsulOptions{})
	s := &stage{consul: consul, backends: make(map[string]*parts.Backend)}
	s.legate = startLegate(t, consul)
	ports := freePorts(t, 2)
	listener, admin := ports[0], ports[1]
	pairs := []string{"8080", strconv.Itoa(listener), "9901", strconv.Itoa(admin), "18000", portOf(s.legate.XDS)}
	for port, instance := range map[string]string{"9001": "shop-1", "9002": "shop-2", "9003": "billing-1"} {
		pairs = append(pairs, port, strconv.Itoa(s.backend(t, instance, "127.0.0.1:0").Port))
	}
	x := openExample(t, "migrate", pairs...)
	x.env = append(x.env, "CONSUL_HTTP_ADDR="+consul.Addr)

	edge := newHotEnvoy(t)
	edge.start(t, filepath.Join(x.dir, "before.yaml"))
	client := newClient(t)
	shop := func() (string, error) { return askAt(client, listener, "/") }
	billing := func() (string, error) { return askAt(client, listener, "/billing") }
	eventually(t, func() error { return answered(shop, "shop-1", "shop-2") })
	flows := []*flow{visitAt(t, "shop", shop), visitAt(t, "billing", billing)}
	goOn := func() {
		t.Helper()
		for _, f := range flows {
			f.goesOn(t)
		}
	}

	x.run() // registers shop-1 and shop-2, renders, validates
	edge.start(t, filepath.Join(x.dir, "after.yaml"))
	goOn()
	if err := answered(shop, "shop-1", "shop-2"); err != nil {
		t.Error(err)
	}

	// From now on Consul decides about shop, and only the file about billing.
	s.register(t, "shop", "shop-3", 1)
	eventually(t, func() error { return answered(shop, "shop-1", "shop-2", "shop-3") })
	s.setMaintenance(t, "shop-3", true)
	s.deregister(t, "shop-1")
	eventually(t, func() error { return answered(shop, "shop-2") })
	goOn()
	s.legate.stop(t)
	goOn()
	if err := answered(shop, "shop-2"); err != nil {
		t.Errorf("legate being away: %v", err)
	}

	edge.start(t, filepath.Join(x.dir, "before.yaml"))
	eventually(t, func() error { return answered(shop, "shop-1", "shop-2") })
	goOn()
}

// answered returns an error unless some requests are answered by exactly these instances.
func answered(ask func() (string, error), instances ...string) error {
	var got []string
	for range 5 * len(instances) {
		instance, err := ask()
		if err != nil {
			return err
		}
		got = append(got, instance)
	}
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, instances) {
		return fmt.Errorf("answered by %v, want %v", got, instances)
	}
	return nil
}

func portOf(addr string) string { return addr[strings.LastIndex(addr, ":")+1:] }

// hotEnvoy is an Envoy that is replaced by hot restart.
// https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/operations/hot_restart
type hotEnvoy struct {
	path, log string
	baseID    int
	epoch     int
	running   *parts.Process
}

func newHotEnvoy(t testing.TB) *hotEnvoy {
	h := &hotEnvoy{path: partstest.EnvoyPath(t), log: filepath.Join(t.TempDir(), "envoy.log"), baseID: 1000 + rand.IntN(1<<20)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("end of envoy's log:\n%s", parts.LogTail(h.log, 40))
		}
		// Envoy leaves behind the memory that its generations share.
		left, err := filepath.Glob(fmt.Sprintf("/dev/shm/envoy_shared_memory_%d*", h.baseID*10))
		if err != nil {
			t.Error(err)
		}
		for _, file := range left {
			if err := os.Remove(file); err != nil {
				t.Error(err)
			}
		}
	})
	return h
}

// start starts the first or next generation, and waits until the previous one has ended.
func (h *hotEnvoy) start(t testing.TB, config string) {
	t.Helper()
	p, err := parts.Start(parts.Command{Name: "envoy", Path: h.path, Log: h.log, Args: []string{
		"-c", config, "--base-id", strconv.Itoa(h.baseID), "--restart-epoch", strconv.Itoa(h.epoch),
		"--drain-time-s", "1", "--parent-shutdown-time-s", "2", "--concurrency", "1", "--log-level", "warning",
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	h.epoch++
	before := h.running
	h.running = p
	if before == nil {
		return
	}
	eventually(t, func() error {
		select {
		case <-p.Done():
			t.Fatalf("the new envoy ended: %v", p.Err())
		case <-before.Done():
			return nil
		default:
		}
		return fmt.Errorf("the envoy before still runs:\n%s", bytes.TrimSpace([]byte(parts.LogTail(h.log, 5))))
	})
}
