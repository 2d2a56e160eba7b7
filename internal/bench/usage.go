package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"syscall"
	"time"
)

// usage is what a process has used so far.
type usage struct {
	CPU      time.Duration // user and system
	Requests uint64        // read from clients
	Heap     int64         // bytes of live and not yet collected objects
	RSS      int64         // resident bytes
	Peak     int64         // peak of resident bytes since the start or the last reset
	Allocs   uint64        // objects, since the start
}

// measureSelf measures this process. If quick, it leaves out memory, which is expensive to read.
func measureSelf(quick bool) (usage, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return usage{}, fmt.Errorf("getrusage: %w", err)
	}
	u := usage{CPU: time.Duration(r.Utime.Nano() + r.Stime.Nano())}
	if quick {
		return u, nil
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return usage{}, err
	}
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/allocs:objects"}}
	metrics.Read(samples)
	u.Heap, u.Allocs = int64(samples[0].Value.Uint64()), samples[1].Value.Uint64()
	u.RSS, u.Peak = statusField(status, "VmRSS:"), statusField(status, "VmHWM:")
	return u, nil
}

// statusField returns a field of proc(5)'s status in bytes, 0 if it is missing.
func statusField(status []byte, name string) int64 {
	_, rest, _ := bytes.Cut(status, []byte("\n"+name))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	kb, err := strconv.ParseInt(string(bytes.TrimSuffix(bytes.TrimSpace(line), []byte(" kB"))), 10, 64)
	if err != nil {
		return 0
	}
	return kb << 10
}

// collect collects garbage and returns free memory to the system.
func collect() {
	runtime.GC()
	debug.FreeOSMemory()
}

// resetPeak resets the peak of resident memory (proc(5), clear_refs).
func resetPeak() error { return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }
