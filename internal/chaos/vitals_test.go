package chaos_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// vitals are the resources that Legate's process uses.
type vitals struct {
	goroutines  int
	descriptors int // open files and sockets, from the kernel
	connections int // to Consul
	megabytes   int // resident memory
	heap        int // MB in use after a garbage collection
}

func (s *scene) vitals(t testing.TB) (v vitals) {
	t.Helper()
	// The runtime returns resident memory to the system minutes later. So what counts is the heap
	// after a garbage collection.
	if _, err := s.legate.Get(t.Context(), "/debug/pprof/heap?gc=1"); err != nil {
		t.Fatal(err)
	}
	text, err := s.legate.Get(t.Context(), "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	v.heap = int(metric(text, "go_memstats_heap_alloc_bytes") / 1e6)
	v.goroutines = int(metric(text, "go_goroutines"))
	v.megabytes = int(metric(text, "process_resident_memory_bytes") / 1e6)
	if text, err = s.legate.Get(t.Context(), "/api/v1/status"); err != nil {
		t.Fatal(err)
	}
	var status struct {
		Consul struct {
			Connections int `json:"connections"`
		} `json:"consul"`
	}
	if err := json.Unmarshal(text, &status); err != nil {
		t.Fatal(err)
	}
	v.connections = status.Consul.Connections
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.legate.PID()))
	if err != nil {
		t.Fatal(err)
	}
	v.descriptors = len(open)
	return v
}

// metric returns the value of a metric without labels, or the sum over all labels.
func metric(page []byte, name string) (sum float64) {
	for lines := bufio.NewScanner(bytes.NewReader(page)); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		if !ok || (!strings.HasPrefix(rest, " ") && !strings.HasPrefix(rest, "{")) {
			continue
		}
		if v, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64); err == nil {
			sum += v
		}
	}
	return sum
}

// firstReads is how many reads Legate makes in parallel after an outage
// (discovery.Config.FirstReads). Each may have opened a connection, which closes after 90 idle
// seconds.
const firstReads = 16

// leftover returns an error if more is used than allowed.
func leftover(was, is vitals) error {
	switch {
	case is.goroutines > was.goroutines+was.goroutines/5+2*firstReads:
		return fmt.Errorf("goroutines %d → %d", was.goroutines, is.goroutines)
	case is.descriptors > was.descriptors+firstReads+4:
		return fmt.Errorf("descriptors %d → %d", was.descriptors, is.descriptors)
	case is.connections > was.connections+firstReads:
		return fmt.Errorf("connections to consul %d → %d", was.connections, is.connections)
	case is.heap > was.heap+was.heap/4+6:
		return fmt.Errorf("heap %d → %d MB", was.heap, is.heap)
	case is.megabytes > was.megabytes+128:
		return fmt.Errorf("resident memory %d → %d MB", was.megabytes, is.megabytes)
	}
	return nil
}

// settled waits until nothing is left over.
func (s *scene) settled(t testing.TB, was vitals, limit time.Duration) (is vitals, err error) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(250 * time.Millisecond) {
		is = s.vitals(t)
		if err = leftover(was, is); err == nil || time.Since(began) > limit {
			return is, err
		}
	}
}
