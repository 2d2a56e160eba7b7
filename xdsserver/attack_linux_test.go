package xdsserver

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"legate/internal/xdstest"
)

// What attacks cost a hundred good clients and how much memory they take is only measured: the
// machine may have other things to do. That clients never have more held than they may, and that all
// comes back within a minute, must be so. The attackers are another process, with an address of their
// own, on the same cores and at the same priority. So a change waits for two things: for what Legate does with
// what they send, and for the attackers' own computing. To tell them apart, changes are measured once
// more beside a process that computes for as long as the attackers did, tenth by tenth of a second, and
// sends nothing.
//
//	go test ./xdsserver -run WhatAttacksCost -v -hostile-rounds 1
func TestWhatAttacksCost(t *testing.T) {
	if *hostileRounds == 0 {
		t.Skip("a measurement: -hostile-rounds 1")
	}
	t.Logf("%-20s | %-33s | %-33s | CPU s/s: attackers, for them | resident MB: before, most, after | back in | goroutines | held MB at most",
		"attack", "p50 alone, computing, attacked (ms)", "p99 alone, computing, attacked (ms)")
	for _, attack := range xdstest.Attacks() {
		t.Run(attack.Name, func(t *testing.T) { measureAttack(t, attack) })
	}
}

func measureAttack(t *testing.T, attack xdstest.Attack) {
	const (
		little = 16 // megabytes, which are not worth a collection
		long   = 15 * time.Second
		slice  = 100 * time.Millisecond
	)
	s := newHostileStage(t)
	s.set(service("big", 1)...)
	good := s.goodClients(100)
	good.follow(100) // warm
	was := ownCPU(t)
	alone := good.follow(500)
	each := (ownCPU(t) - was) / 500
	before, goroutines := resident(t), runtime.NumGoroutine()
	most, held := before, int64(0)
	was = ownCPU(t)
	pid, stop := startAttack(t, s.address, attack.Name, nil)
	var beside, computing []time.Duration
	var spent []time.Duration // by the attackers, until the end of each slice
	for start := time.Now(); time.Since(start) < long; {
		beside = append(beside, good.follow(1)...)
		most, held = max(most, resident(t)), max(held, s.Memory().Held)
		if time.Since(start) > time.Duration(len(spent)+1)*slice {
			spent = append(spent, cpuOf(t, pid))
		}
	}
	stop()
	forThem := ownCPU(t) - was - each*time.Duration(len(beside))
	if most := s.Memory().Budget; held > most {
		t.Errorf("clients had %d MB held, they may have %d", held>>20, most>>20)
	}
	at := time.Now()
	back := func() bool {
		return resident(t) <= before+max(before/10, little) && runtime.NumGoroutine() <= goroutines+10
	}
	for !back() && time.Since(at) < time.Minute {
		time.Sleep(100 * time.Millisecond)
	}
	isBack, took, after, left := back(), time.Since(at), resident(t), runtime.NumGoroutine()
	_, stop = startAttack(t, s.address, attack.Name, spent)
	for start := time.Now(); time.Since(start) < long; {
		computing = append(computing, good.follow(1)...)
	}
	stop()
	row := attack.Name
	for _, p := range []int{50, 99} {
		ms := func(d []time.Duration) float64 {
			return float64(slices.Sorted(slices.Values(d))[len(d)*p/100].Microseconds()) / 1000
		}
		row += fmt.Sprintf(" | %6.2f, %6.2f × %4.2f, %6.2f × %4.2f", ms(alone), ms(computing), ms(computing)/ms(alone), ms(beside), ms(beside)/ms(alone))
	}
	t.Logf("%s | %.2f, %.2f | %d, %d, %d | %.1f s | %d → %d | %d", row, spent[len(spent)-1].Seconds()/long.Seconds(), forThem.Seconds()/long.Seconds(),
		before, most, after, took.Seconds(), goroutines, left, held>>20)
	if !isBack {
		t.Errorf("after a minute %d MB are resident, which were %d; %d goroutines, which were %d", after, before, left, goroutines)
	}
	for _, r := range s.Refused() {
		if r.Count > 0 {
			t.Logf("refused: %s %d times: %s", r.Limit, r.Count, r.Detail)
		}
	}
}

// ownCPU is how long this process has computed: Legate, and the good clients.
func ownCPU(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cpuOf is how long another process has computed (proc(5)).
func cpuOf(t testing.TB, pid int) time.Duration {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(raw), ") ")
	var user, system int64
	fields := strings.Fields(after)
	_, err = fmt.Sscan(fields[11]+" "+fields[12], &user, &system)
	if err != nil {
		t.Fatal(err)
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every machine that Go runs on
	return time.Duration(user+system) * tick
}

// resident is how many megabytes of this process are in memory.
func resident(t testing.TB) int {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/statm")
	var total, pages int
	if err == nil {
		_, err = fmt.Sscan(string(raw), &total, &pages)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize() >> 20
}

// startAttack starts the attackers' process, and returns what ends it. One that is told how long to
// compute, until the end of each tenth of a second, does that and nothing else.
func startAttack(t testing.TB, address, name string, compute []time.Duration) (pid int, stop func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestAttackersProcess$", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), "LEGATE_TEST_ATTACK="+name, "LEGATE_TEST_ATTACKED="+address)
	for _, d := range compute {
		cmd.Args = append(cmd.Args, d.String())
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid, func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
}

// TestAttackersProcess is the attackers' process.
func TestAttackersProcess(t *testing.T) {
	name, address := os.Getenv("LEGATE_TEST_ATTACK"), os.Getenv("LEGATE_TEST_ATTACKED")
	for _, attack := range xdstest.Attacks() {
		switch {
		case attack.Name != name:
		case flag.NArg() > 0:
			compute(t, flag.Args())
		default:
			attack.Run(context.Background(), address, net.IPv4(127, 0, 0, 2), new(atomic.Int64)) // it is killed
		}
	}
}

// compute has as many cores as there are compute for so long until the end of each tenth of a second.
func compute(t *testing.T, until []string) {
	var cores sync.WaitGroup
	start := time.Now()
	for range runtime.GOMAXPROCS(0) {
		cores.Go(func() {
			runtime.LockOSThread()
			for i, text := range until {
				most, err := time.ParseDuration(text)
				if err != nil {
					t.Error(err)
					return
				}
				for ownCPU(t) < most {
					for range 1000 { // some microseconds
					}
				}
				time.Sleep(time.Until(start.Add(time.Duration(i+1) * 100 * time.Millisecond)))
			}
		})
	}
	cores.Wait()
}
