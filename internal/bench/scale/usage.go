package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in proc(5): USER_HZ, which is 100 wherever Linux runs.
const tick = 10 * time.Millisecond

// cpu returns what a process has used so far, user and system time.
func cpu(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	fields := strings.Fields(string(rest))
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("/proc/%d/stat: no times in it", pid)
	}
	return time.Duration(user+system) * tick, nil
}

// resident returns a process's resident memory in bytes.
func resident(pid int) (int, error) {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(statm))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm: no size in it", pid)
	}
	pages, err := strconv.Atoi(fields[1])
	return pages * os.Getpagesize(), err
}

// spent measures what processes use while do runs, as shares of a core.
func spent(pids []int, do func() error) ([]float64, error) {
	before := make([]time.Duration, len(pids))
	for i, pid := range pids {
		var err error
		if before[i], err = cpu(pid); err != nil {
			return nil, err
		}
	}
	began := time.Now()
	if err := do(); err != nil {
		return nil, err
	}
	took := time.Since(began)
	out := make([]float64, len(pids))
	for i, pid := range pids {
		after, err := cpu(pid)
		if err != nil {
			return nil, err
		}
		out[i] = float64(after-before[i]) / float64(took)
	}
	return out, nil
}

// quantile of latencies. It sorts them.
func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(int(q*float64(len(all))), len(all)-1)]
}

// goal prints a figure with its goal.
func goal(what string, value string, met bool, want string) {
	verdict := "met"
	if !met {
		verdict = "MISSED"
	}
	fmt.Printf("    %-58s %12s   goal %-12s %s\n", what, value, want, verdict)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

func percent(share float64) string { return fmt.Sprintf("%.1f %%", share*100) }
