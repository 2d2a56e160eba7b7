package lastknown

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

// tried is a keeper with scripted writes. It records when each of them began.
type tried struct {
	*keeper
	t     *testing.T
	at    []time.Duration
	began time.Time
	stop  func() // stops the keeper and waits

	unconfirmed atomic.Bool
}

// try starts a keeper. The result of the nth write is write(nth).
func try(t *testing.T, write func(nth int) error) *tried {
	t.Helper()
	k := &tried{t: t, began: time.Now()}
	k.keeper = &keeper{every: time.Second, refresh: refreshEvery, wake: make(chan struct{}, 1), hangs: func(time.Duration) {},
		renewed: func() bool { return !k.unconfirmed.Load() },
		write: func(catalog.Catalog) error {
			k.at = append(k.at, time.Since(k.began))
			return write(len(k.at) - 1)
		},
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); k.run(ctx) }()
	k.stop = func() { cancel(); <-ended }
	return k
}

// change notes a Delta at that time.
func (k *tried) change(at time.Duration) {
	time.Sleep(at - time.Since(k.began))
	k.add(whole(catalogOf(1, "a")))
}

// triedAt stops the keeper at that time and compares the times of its writes.
func (k *tried) triedAt(end time.Duration, want ...time.Duration) {
	k.t.Helper()
	time.Sleep(end - time.Since(k.began))
	k.stop()
	if !slices.Equal(k.at, want) {
		k.t.Errorf("tried after %v, want %v", k.at, want)
	}
}

const second = time.Second

// Failing writes are retried with a backoff that has an upper bound.
func TestWritesThatFailAreTriedAgainAtAPaceThatSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := try(t, func(int) error { return os.ErrPermission })
		k.change(0)
		k.triedAt(240*second, 0, 5*second, 15*second, 35*second, 75*second, 135*second, 195*second, 240*second) // the last one at shutdown
	})
}

func TestAWriteThatSucceedsEndsTheTryingAndItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := []bool{true, true, false, true, false, true, false}
		k := try(t, func(nth int) error {
			if fails[nth] {
				return os.ErrPermission
			}
			return nil
		})
		k.change(0)
		k.change(20 * second) // fails like the first one, and is retried as soon
		k.change(60 * second)
		k.change(62 * second) // before the retry, which is then not needed
		k.triedAt(120*second, 0, 5*second, 15*second, 20*second, 25*second, 60*second, 62*second)
	})
}

// A large catalog on a slow disk that changes all the time.
func TestWritesTakeATwentiethOfTheTimeAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := try(t, func(int) error { time.Sleep(2 * second); return nil })
		for at := range 100 {
			k.change(time.Duration(at) * second)
		}
		k.triedAt(100*second, 0, 42*second, 84*second, 100*second)
	})
}

func TestTheDateIsRenewedOnlyOfWhatWasWrittenAndConfirmedSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := try(t, func(int) error { return nil })
		k.change(25 * time.Minute) // nothing was pending before
		time.Sleep(10 * time.Minute)
		k.unconfirmed.Store(true)
		k.triedAt(2*time.Hour, 25*time.Minute, 30*time.Minute)
	})
}

func TestTheLastWriteIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := 0
		k := try(t, func(int) error { time.Sleep(lastWrite - time.Millisecond); over++; return nil })
		k.change(0)
		synctest.Wait() // the write is under way
		k.add(catalog.Delta{Gone: []catalog.ServiceKey{key("a")}})
		k.stop()
		if over != 2 {
			t.Errorf("%d writes were over at the end", over)
		}
	})
}

// Any write can hang, and Go cannot cancel it: shutdown does not wait for it.
func TestADiskThatHangsHoldsUpTheEndForSecondsOnlyAndIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		hung := make(chan time.Duration, 1)
		k := &keeper{every: time.Second, refresh: refreshEvery, wake: make(chan struct{}, 1), renewed: func() bool { return true },
			write: func(catalog.Catalog) error { <-release; return nil },
			hangs: func(since time.Duration) { hung <- since },
		}
		k.add(whole(catalogOf(1, "a")))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan time.Time, 1)
		go func() { k.run(ctx); ended <- time.Now() }()
		time.Sleep(time.Minute)
		select {
		case since := <-hung:
			if since != hangsAfter {
				t.Errorf("said after %v", since)
			}
		default:
			t.Error("nobody is told that the write hangs")
		}
		k.add(whole(catalogOf(2, "a"))) // never blocks
		told := time.Now()
		cancel()
		if took := (<-ended).Sub(told); took > lastWrite {
			t.Errorf("the end took %v", took)
		}
	})
}

func TestAWriteThatHangsIsInTheStatusUntilItIsOver(t *testing.T) {
	s := New(Config{Dir: t.TempDir()}, slog.New(slog.DiscardHandler), nil)
	s.reportHang(hangsAfter)
	if st := s.Status(); !strings.Contains(st.Unwritten, "has been under way for 10s") || !strings.Contains(st.Unwritten, "check that disk") {
		t.Errorf("%+v", st)
	}
	if err := s.write(Consul{Datacenter: "dc1"}, catalogOf(1, "a")); err != nil || s.Status().Unwritten != "" {
		t.Errorf("%v %+v", err, s.Status())
	}
}
