package cli

import (
	"log/slog"
	"os"
	"runtime/debug"
	"testing"

	"legate/xdsserver"
)

// filesOf returns a readFile over these contents.
func filesOf(all map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if text, ok := all[name]; ok {
			return []byte(text), nil
		}
		return nil, os.ErrNotExist
	}
}

func TestTheMemoryBudgetIsTheContainersElseAQuarterOfTheMachines(t *testing.T) {
	const machine = "MemTotal:        8388608 kB\nMemFree: 1 kB\n"
	for name, c := range map[string]struct {
		files  map[string]string
		given  int
		budget int64
		from   string
	}{
		"machine": {files: map[string]string{"/proc/meminfo": machine}, budget: 2 << 30, from: "machine"},
		"v2": {files: map[string]string{"/proc/meminfo": machine, "/proc/self/cgroup": "0::/system.slice/legate.service\n",
			"/sys/fs/cgroup/system.slice/legate.service/memory.max": "536870912\n"}, budget: 512 << 20, from: "cgroup"},
		"v2, above": {files: map[string]string{"/proc/meminfo": machine, "/proc/self/cgroup": "0::/pod/box\n",
			"/sys/fs/cgroup/pod/box/memory.max": "max\n", "/sys/fs/cgroup/pod/memory.max": "268435456\n"}, budget: 256 << 20, from: "cgroup"},
		"v2, in a container": {files: map[string]string{"/proc/meminfo": machine, "/proc/self/cgroup": "0::/\n",
			"/sys/fs/cgroup/memory.max": "268435456\n"}, budget: 256 << 20, from: "cgroup"},
		"v2, no limit": {files: map[string]string{"/proc/meminfo": machine, "/proc/self/cgroup": "0::/a\n",
			"/sys/fs/cgroup/a/memory.max": "max\n"}, budget: 2 << 30, from: "machine"},
		"v1": {files: map[string]string{"/proc/meminfo": machine, "/proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/docker/1\n",
			"/sys/fs/cgroup/memory/memory.limit_in_bytes": "134217728\n"}, budget: 128 << 20, from: "cgroup"},
		"v1, no limit": {files: map[string]string{"/proc/meminfo": machine, "/proc/self/cgroup": "4:memory:/\n",
			"/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, budget: 2 << 30, from: "machine"},
		"given":   {files: map[string]string{"/proc/meminfo": machine}, given: 64 << 20, budget: 64 << 20, from: "--memory-budget"},
		"nothing": {},
	} {
		budget, from := memoryOptions{budget: c.given}.memory(filesOf(c.files))
		if budget != c.budget || from != c.from {
			t.Errorf("%s: %d from %q, want %d from %q", name, budget, from, c.budget, c.from)
		}
	}
}

func TestTheRuntimeKeepsToTheBudgetUnlessItIsToldOtherwise(t *testing.T) {
	was, percent := debug.SetMemoryLimit(-1), debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetMemoryLimit(was); debug.SetGCPercent(percent) })
	env := map[string]string{}
	config, log := xdsserver.DefaultConfig(), slog.New(slog.DiscardHandler)
	var o memoryOptions
	machine := filesOf(map[string]string{"/proc/meminfo": "MemTotal: 1048576 kB\n"})
	apply := func() { o.apply(&config, func(key string) string { return env[key] }, machine, log) }

	// A share of the machine is a guess: it must not limit the runtime, since a catalog that needs
	// more is served.
	apply()
	if got := debug.SetMemoryLimit(-1); got != was || config.Limits.MemoryBytes != 128<<20 {
		t.Errorf("on a machine without a limit the runtime has %d, clients have %d", got, config.Limits.MemoryBytes)
	}
	o.budget = 1000 << 20
	apply()
	if got := debug.SetMemoryLimit(-1); got != 900<<20 || config.Limits.MemoryBytes != 500<<20 {
		t.Errorf("the runtime has %d, clients have %d", got, config.Limits.MemoryBytes)
	}
	debug.SetMemoryLimit(12345 << 20)
	env["GOMEMLIMIT"] = "12345MiB"
	apply()
	if got := debug.SetMemoryLimit(-1); got != 12345<<20 {
		t.Errorf("the runtime has %d", got)
	}
}

func TestAmountsOfMemoryAreRead(t *testing.T) {
	for text, want := range map[string]int{"1048576": 1 << 20, "512MiB": 512 << 20, "2GiB": 2 << 30, "4096KiB": 4 << 20, "1048577B": 1<<20 + 1} {
		var got int
		if err := amount(&got, setting{}).set([]string{text}); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "1MB", "-1GiB", "1.5GiB", "100", "99999999999GiB"} {
		if err := amount(new(int), setting{}).set([]string{text}); err == nil {
			t.Errorf("%q is an amount", text)
		}
	}
}
