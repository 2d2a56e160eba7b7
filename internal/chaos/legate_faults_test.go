package chaos_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"golang.org/x/sys/unix"
)

// legateFaults happen to Legate itself, or to its machine.
func legateFaults() []fault {
	return []fault{
		{name: "Legate killed", how: "SIGKILL, started again after 3 s", short: true, restarts: true, do: func(t *testing.T, s *scene) {
			must(t, s.legate.Kill())
			hold(3 * time.Second)
			must(t, s.legate.Launch())
			must(t, s.legate.AwaitReady(t.Context(), time.Minute))
		}},
		{name: "Legate frozen", how: "SIGSTOP for 60 s", do: func(t *testing.T, s *scene) {
			must(t, s.legate.Pause())
			hold(60 * time.Second)
			must(t, s.legate.Continue())
		}},
		{name: "Consul away, Legate restarted", how: "Consul killed, Legate killed and started: it serves its last known catalog, also to an Envoy that is new; Consul back after 8 s", restarts: true, do: func(t *testing.T, s *scene) {
			must(t, s.consul.Kill())
			s.restartBlind(t)
			hold(5 * time.Second)
			must(t, s.consul.Start(t.Context()))
		}},
		{name: "Consul back empty, Legate restarted", how: "Consul and Legate killed; Consul's data emptied; both started: an empty Consul against the last known catalog; services come back after 10 s", restarts: true, do: func(t *testing.T, s *scene) {
			s.emptyConsul(t, func() { must(t, s.legate.Kill()) }, func() { must(t, s.legate.Launch()) })
			must(t, s.legate.AwaitReady(t.Context(), time.Minute))
		}},
		{name: "last known catalog corrupted", how: "Consul and Legate killed, bytes in the file turned, Legate started, Consul back after 8 s", restarts: true, do: func(t *testing.T, s *scene) {
			must(t, s.consul.Kill())
			must(t, s.legate.Kill())
			damaged := 0
			must(t, filepath.WalkDir(s.state, func(path string, d os.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() {
					return err
				}
				text, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				for i := len(text) / 2; i < len(text) && i < len(text)/2+64; i++ {
					text[i] ^= 0x55
				}
				damaged++
				return os.WriteFile(path, text, 0o600)
			}))
			if damaged == 0 {
				t.Fatal("legate has kept nothing")
			}
			must(t, s.legate.Launch())
			hold(8 * time.Second)
			must(t, s.consul.Start(t.Context()))
			must(t, s.legate.AwaitReady(t.Context(), time.Minute))
		}},
		{name: "disk full", how: "the state folder on a tmpfs of 256 KiB, filled up; a change; Legate killed and started", restarts: true, before: onSmallDisk, after: offSmallDisk, do: func(t *testing.T, s *scene) {
			filler, err := os.Create(filepath.Join(s.disk, "filler"))
			must(t, err)
			for err = error(nil); err == nil; _, err = filler.Write(make([]byte, 4096)) {
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			must(t, filler.Close())
			s.meanwhile(t)
			hold(8 * time.Second) // long enough for a write
			must(t, s.legate.Kill())
			must(t, s.legate.Launch())
			must(t, s.legate.AwaitReady(t.Context(), time.Minute))
			s.meanwhile(t)
			must(t, os.Remove(filler.Name()))
		}},
		{name: "out of file descriptors", how: "prlimit: no more descriptors than are open; connections to Consul are cut; 12 s", do: func(t *testing.T, s *scene) {
			var was unix.Rlimit
			must(t, unix.Prlimit(s.legate.PID(), unix.RLIMIT_NOFILE, nil, &was))
			s.wire.cut(t)
			hold(time.Second)
			open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.legate.PID()))
			must(t, err)
			few := unix.Rlimit{Cur: uint64(len(open)), Max: was.Max}
			must(t, unix.Prlimit(s.legate.PID(), unix.RLIMIT_NOFILE, &few, nil))
			s.wire.mend(t)
			hold(12 * time.Second)
			must(t, unix.Prlimit(s.legate.PID(), unix.RLIMIT_NOFILE, &was, nil))
		}},
		{name: "config reloaded with an error", how: "the file gets an unknown key and broken YAML by turns, SIGHUP each time; then it is good again", restarts: true,
			before: func(t *testing.T, s *scene) {
				s.config = filepath.Join(t.TempDir(), "legate.yaml")
				must(t, os.WriteFile(s.config, []byte(goodConfig), 0o600))
				s.plainArgs = slices.Clone(s.legate.Args)
				s.relaunch(t, s.legate.Path, append(slices.Clone(s.legate.Args), "--config", s.config))
			},
			after: func(t *testing.T, s *scene) { s.relaunch(t, s.legate.Path, s.plainArgs) },
			do: func(t *testing.T, s *scene) {
				for i, text := range []string{"services:\n  inclde: [shop]\n", "services: [", "services:\n  include: [nobody-*]\nconsul:\n  wait: 7 parrots\n", ""} {
					if i == 3 {
						text = goodConfig
					}
					must(t, os.WriteFile(s.config, []byte(text), 0o600))
					must(t, syscall.Kill(s.legate.PID(), syscall.SIGHUP))
					hold(2 * time.Second)
					s.meanwhile(t)
				}
			}},
		{name: "clock steps", how: "a tracer answers for Legate's clock: 2 h ahead, 3 h behind, each for 4 s; then most of the catalog gone, confirmed, and, while that is held for an hour, the true time again", before: clockedBehindFront, after: unclockedBefore, do: clockSteps},
		{name: "clock set back, Consul away, Legate restarted", how: "a tracer answers for Legate's clock: 2 h ahead until the last known catalog is dated so; Consul killed; 3 h behind, Legate killed and started; Consul back after 4 s; the true time", restarts: true, before: clocked, after: unclocked, do: clockSetBack},
	}
}

const goodConfig = "services:\n  exclude: [nobody-*]\n"

// restartBlind kills Legate and starts it while its disk is its only source. A new Envoy still gets
// everything.
func (s *scene) restartBlind(t testing.TB) {
	t.Helper()
	must(t, s.legate.Kill())
	must(t, s.legate.Launch())
	must(t, s.legate.AwaitReady(t.Context(), 30*time.Second))
	fresh := newEnvoy(t, s.legate, "delta", "fresh", s.routes...)
	for service, addresses := range s.base {
		must(t, soon(t.Context(), 20*time.Second, func() error { return fresh.has(t.Context(), service, addresses...) }))
	}
}

// emptyConsul deletes all data of the single server. What was registered returns 10 s after it has
// started again.
func (s *scene) emptyConsul(t *testing.T, down, up func()) {
	t.Helper()
	self, err := s.consul.Client().Agent().Self()
	must(t, err)
	dir, ok := self["DebugConfig"]["DataDir"].(string)
	if !ok || !strings.Contains(dir, "Test") {
		t.Fatalf("data directory %q", dir)
	}
	must(t, s.consul.Kill())
	down()
	must(t, os.RemoveAll(dir))
	must(t, os.Mkdir(dir, 0o755))
	must(t, s.consul.Start(t.Context()))
	up()
	hold(10 * time.Second)
	must(t, s.register(t))
	must(t, s.consul.Register(t.Context(), instanceOf(s.probe, probed, s.backends[s.probe].Port)))
	// An agent syncs its services to the servers in any order. The fault is over when they know
	// this one.
	must(t, soon(t.Context(), 10*time.Second, func() error {
		entries, _, err := s.consul.Client().Health().Service(probed, "", false, nil)
		if err == nil && !slices.ContainsFunc(entries, func(e *api.ServiceEntry) bool { return e.Service.ID == s.probe }) {
			err = fmt.Errorf("%s is not back in the catalog", s.probe)
		}
		return err
	}))
}

func onSmallDisk(t *testing.T, s *scene) {
	s.disk = t.TempDir()
	if err := unix.Mount("tmpfs", s.disk, "tmpfs", 0, "size=256k"); err != nil {
		s.notInjected(t, err)
	}
	t.Cleanup(func() { _ = unix.Unmount(s.disk, unix.MNT_DETACH) }) // once more, if the fault failed early
	s.plainArgs = slices.Clone(s.legate.Args)
	args := slices.Clone(s.legate.Args)
	args[slices.Index(args, "--state-dir")+1] = filepath.Join(s.disk, "state")
	must(t, os.Mkdir(filepath.Join(s.disk, "state"), 0o700))
	s.relaunch(t, program.Path(t), args)
}

func offSmallDisk(t *testing.T, s *scene) {
	if s.plainArgs != nil {
		s.relaunch(t, program.Path(t), s.plainArgs)
	}
}
