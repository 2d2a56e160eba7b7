package xdsserver

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"legate/internal/xdstest"
)

// What attacks cost a hundred good clients and how much memory they take is only measured: the
// machine may have other things to do. That clients never have more held than they may, and that all
// comes back within a minute, must be so. The attackers are another process, with an address of their
// own.
//
//	go test ./xdsserver -run WhatAttacksCost -v -hostile-rounds 1
func TestWhatAttacksCost(t *testing.T) {
	if *hostileRounds == 0 {
		t.Skip("a measurement: -hostile-rounds 1")
	}
	t.Logf("%-20s | %-24s | %-24s | resident MB: before, most, after | back in | goroutines | held MB at most", "attack", "p50 alone, beside (ms)", "p99 alone, beside (ms)")
	for _, attack := range xdstest.Attacks() {
		t.Run(attack.Name, func(t *testing.T) { measureAttack(t, attack) })
	}
}

func measureAttack(t *testing.T, attack xdstest.Attack) {
	const little = 16 // megabytes, which are not worth a collection
	s := newHostileStage(t)
	s.set(service("big", 1)...)
	good := s.goodClients(100)
	good.follow(100) // warm
	alone := good.follow(500)
	before, goroutines := resident(t), runtime.NumGoroutine()
	most, held := before, int64(0)
	stop := startAttack(t, s.address, attack.Name)
	var beside []time.Duration
	for start := time.Now(); time.Since(start) < 15*time.Second; {
		beside = append(beside, good.follow(1)...)
		most, held = max(most, resident(t)), max(held, s.Memory().Held)
	}
	stop()
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
	ms := func(d []time.Duration, p int) float64 {
		d = slices.Sorted(slices.Values(d))
		return float64(d[len(d)*p/100].Microseconds()) / 1000
	}
	t.Logf("%-20s | %6.2f %8.2f × %5.2f | %6.2f %8.2f × %5.2f | %d, %d, %d | %4.1f s | %d → %d | %d",
		attack.Name, ms(alone, 50), ms(beside, 50), ms(beside, 50)/ms(alone, 50), ms(alone, 99), ms(beside, 99), ms(beside, 99)/ms(alone, 99),
		before, most, resident(t), time.Since(at).Seconds(), goroutines, runtime.NumGoroutine(), held>>20)
	if !back() {
		t.Errorf("after a minute %d MB are resident, which were %d; %d goroutines, which were %d", resident(t), before, runtime.NumGoroutine(), goroutines)
	}
	for _, r := range s.Refused() {
		if r.Count > 0 {
			t.Logf("refused: %s %d times: %s", r.Limit, r.Count, r.Detail)
		}
	}
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

// startAttack starts the attackers' process, and returns what ends it.
func startAttack(t testing.TB, address, name string) (stop func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestAttackersProcess$", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), "LEGATE_TEST_ATTACK="+name, "LEGATE_TEST_ATTACKED="+address)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
}

// TestAttackersProcess is the attackers' process.
func TestAttackersProcess(t *testing.T) {
	name, address := os.Getenv("LEGATE_TEST_ATTACK"), os.Getenv("LEGATE_TEST_ATTACKED")
	for _, attack := range xdstest.Attacks() {
		if attack.Name == name {
			attack.Run(context.Background(), address, net.IPv4(127, 0, 0, 2), new(atomic.Int64)) // it is killed
		}
	}
}
