package consul

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestSharesAreFair(t *testing.T) {
	for _, c := range []struct {
		why   string
		total int
		wants []int
		are   []int
	}{
		{"the only one has all", 100, []int{20}, []int{100}},
		{"also if it wants more", 100, []int{500}, []int{100}},
		{"what nobody wants is for all", 100, []int{20, 20}, []int{50, 50}},
		{"who wants little gets that, and the own datacenter the rest", 100, []int{500, 20}, []int{80, 20}},
		{"the own datacenter has a half", 100, []int{500, 500, 500}, []int{50, 25, 25}},
		{"what it does not want goes to the others", 100, []int{30, 500, 500}, []int{30, 35, 35}},
		{"one of the others wants little", 100, []int{500, 10, 500}, []int{60, 10, 30}},
		{"there is one for each at the least", 3, []int{9, 9, 9, 9, 9, 9}, []int{1, 1, 1, 1, 1, 1}},
		{"streams are plenty", 25_000, []int{3_300, 3_300, 3_300}, []int{8_333, 8_333, 8_333}},
	} {
		if got := divide(c.total, c.wants); !slices.Equal(got, c.are) {
			t.Errorf("%s: %d among those who want %v: %v, want %v", c.why, c.total, c.wants, got, c.are)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		total, wants := 10+r.IntN(300), make([]int, 1+r.IntN(6))
		for i := range wants {
			wants[i] = 1 + r.IntN(200)
		}
		sum := 0
		for _, n := range divide(total, wants) {
			sum += n
		}
		if sum > total || sum < total-len(wants) && sum < total {
			t.Fatalf("%d among those who want %v: %v are given", total, wants, sum)
		}
	}
}

// One that holds all that it may have leaves the others theirs; who waits gets in when there is room again, or
// more of it.
func TestWhoHangsHoldsItsOwnShareOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		total := 10
		s := newShares(func() int { return total })
		own := s.add()
		for range 20 { // alone, it is bounded by the connections only
			if _, err := s.acquire(t.Context(), own); err != nil {
				t.Fatal(err)
			}
		}
		own.busy = 0
		hung := s.add()
		changes := hung.changes.Load()
		var held []func()
		for range s.limit(hung) {
			release, err := s.acquire(t.Context(), hung)
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, release)
		}
		if len(held) != 5 {
			t.Fatalf("it holds %d", len(held))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.acquire(ctx, hung); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one more: %v", err)
		}
		before := time.Now()
		for range s.limit(own) {
			if _, err := s.acquire(t.Context(), own); err != nil {
				t.Fatal(err)
			}
		}
		if time.Since(before) > 0 {
			t.Errorf("the own datacenter waited for %v", time.Since(before))
		}
		var waiting sync.WaitGroup
		for range 4 {
			waiting.Go(func() {
				if _, err := s.acquire(t.Context(), hung); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if len(hung.queue) != 4 || hung.busy != 5 {
			t.Errorf("%d wait, %d are busy", len(hung.queue), hung.busy)
		}
		held[0]()
		held[0]() // once is enough
		synctest.Wait()
		if len(hung.queue) != 3 || hung.busy != 5 || hung.changes.Load() != changes {
			t.Errorf("%d wait, %d are busy", len(hung.queue), hung.busy)
		}
		total = 30 // Consul speaks HTTP/2, as an answer shows
		held[1]()
		waiting.Wait()
		if hung.changes.Load() == changes || s.limit(hung) != 15 {
			t.Errorf("its limit is %d", s.limit(hung))
		}
		s.remove(hung)
		if got := s.limit(own); got != 30 {
			t.Errorf("the limit of the only one is %d", got)
		}
	})
}

// A site that hangs before it has told what it has takes little from the others.
func TestASiteOfWhichNothingIsKnownWantsLittle(t *testing.T) {
	s := newShares(func() int { return 100 })
	own := s.add()
	s.wants(own, 90)
	other := s.add()
	if own, other := s.limit(own), s.limit(other); own != 84 || other != firstWant {
		t.Errorf("the own datacenter has %d, the other %d", own, other)
	}
	s.wants(other, 500)
	if own, other := s.limit(own), s.limit(other); own != 50 || other != 50 {
		t.Errorf("the own datacenter has %d, the other %d", own, other)
	}
}

// Who needs one more is no matter to the others while there is enough for all; where there is not, it is to those
// that get less.
func TestOnlyWhoCanUseMoreOrLessIsTold(t *testing.T) {
	for _, c := range []struct {
		total, own, other int
		told              uint64
	}{{25_000, 3_300, 3_300, 0}, {100, 500, 16, 50 - 16}, {100, 500, 200, 0}} {
		s := newShares(func() int { return c.total })
		own, other := s.add(), s.add()
		s.wants(own, c.own)
		s.wants(other, c.other)
		before := own.changes.Load()
		for n := range 100 {
			s.wants(other, c.other+n+1)
		}
		if got := own.changes.Load() - before; got != c.told {
			t.Errorf("%d among those who want %d and %d: it is told %d times of a hundred that the other wants more, want %d", c.total, c.own, c.other, got, c.told)
		}
	}
}
