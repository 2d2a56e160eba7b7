package cli

import (
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"strconv"
	"strings"

	"legate/xdsserver"
)

// memoryOptions are how much memory Legate may use.
type memoryOptions struct {
	budget int // bytes; 0: from the container or the machine
}

// fromMachine is the origin of a budget that is a share of the machine's memory.
const fromMachine = "machine"

// machineShare is the default budget: one part in so many of the machine's memory.
const machineShare = 4

func (o *memoryOptions) settings() []*setting {
	return []*setting{amount(&o.budget, setting{
		name: "memory-budget", env: "LEGATE_MEMORY_BUDGET", key: "xds.memory_budget", category: "Limits for clients", hint: "BYTES",
		usage: "Memory that Legate may use, such as 512MiB or 2GiB. Half of it is for clients; beyond that their requests are refused. The runtime's limit is nine tenths of it, unless GOMEMLIMIT is set. Default: the limit of the container (cgroup), else a quarter of the machine's memory, which limits clients only.",
	})}
}

// memory returns the memory budget in bytes and where it comes from.
func (o memoryOptions) memory(readFile func(string) ([]byte, error)) (budget int64, from string) {
	if o.budget > 0 {
		return int64(o.budget), "--memory-budget"
	}
	machine := machineMemory(readFile)
	if limit, ok := cgroupLimit(readFile); ok && (machine == 0 || limit < machine) {
		return limit, "cgroup"
	}
	if machine == 0 {
		return 0, "" // unknown on this system
	}
	return machine / machineShare, fromMachine
}

// apply sets the memory limits of the server and the Go runtime to the budget.
func (o memoryOptions) apply(to *xdsserver.Config, getenv func(string) string, readFile func(string) ([]byte, error), log *slog.Logger) {
	collectOften(getenv)
	budget, from := o.memory(readFile)
	if budget == 0 {
		return
	}
	to.Limits.MemoryBytes = int(min(max(budget/2, 1), math.MaxInt))
	// A share of the machine is only a guess. A catalog that needs more must still be served, and
	// the runtime's limit would make it collect garbage all the time.
	if from != fromMachine && getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(budget / 10 * 9) // the rest is for memory that the runtime does not count
	}
	log.Info("memory budget", "bytes", budget, "from", from, "clients_bytes", to.Limits.MemoryBytes, "runtime_bytes", debug.SetMemoryLimit(-1))
}

// collectOften lets the heap grow by half between collections instead of doubling, unless GOGC is
// set. Collecting costs next to nothing here: most of the heap lives as long as Consul has the
// data, and little is allocated.
// https://go.dev/doc/gc-guide#GOGC
func collectOften(getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

// amount is a setting of an amount of memory, such as 512MiB; 0 means none.
func amount(to *int, s setting) *setting {
	s.set = func(v []string) error {
		n, ok := parseBytes(last(v))
		if !ok || n < 1<<20 {
			return fmt.Errorf("want an amount of memory from 1MiB, such as 512MiB or 2GiB")
		}
		*to = n
		return nil
	}
	return &s
}

func parseBytes(text string) (int, bool) {
	unit := 1
	for _, u := range []struct {
		name string
		size int
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}} {
		if number, found := strings.CutSuffix(text, u.name); found {
			text, unit = number, u.size
			break
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > math.MaxInt/unit {
		return 0, false
	}
	return n * unit, true
}
