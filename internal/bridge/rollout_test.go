package bridge

import (
	"fmt"
	"testing"
	"time"

	"legate/translate"
	"legate/xdsserver"
)

// units are n clusters; the service of the i-th has so many instances.
func units(n int, instances func(i int) int) []translate.Behind {
	all := make([]translate.Behind, n)
	for i := range all {
		all[i].Instances = instances(i)
	}
	return all
}

// gone walks through a rollout by its own times and returns when each of its clusters changed.
func gone(r rollout, over time.Duration, says func(at time.Duration) verdict) (at []time.Duration) {
	for start, now := r.last, r.last; !r.ended(); {
		var some []translate.Behind
		var wait time.Duration
		r, some, wait = r.step(now, over, says(now.Sub(start)))
		for range some {
			at = append(at, now.Sub(start))
		}
		now = now.Add(wait)
	}
	return at
}

func never(time.Duration) verdict { return taken }

func TestARolloutIsSpreadOverItsTimeAndItsFirstClusterChangesAlone(t *testing.T) {
	for _, n := range []int{11, 200, 10_000} {
		for _, over := range []time.Duration{time.Second, 30 * time.Second, time.Hour} {
			t.Run(fmt.Sprint(n, over), func(t *testing.T) {
				at := gone(rolloutOf(units(n, func(int) int { return 1 }), time.Unix(0, 0)), over, never)
				if len(at) != n || at[0] != 0 || at[1] == 0 {
					t.Fatalf("%d clusters changed, the first two at %v", len(at), at[:2])
				}
				if last := at[n-1]; last > over+rolloutEvery || last < over-over/time.Duration(n)-rolloutEvery {
					t.Errorf("the last one changes after %v", last)
				}
				for i, when := range at {
					if should := time.Duration(float64(over) / float64(n) * float64(i)); when < should-time.Microsecond || when > should+rolloutEvery+time.Microsecond {
						t.Fatalf("cluster %d changes at %v, and not soon after %v", i, when, should)
					}
				}
			})
		}
	}
}

func TestARolloutThatTakesNoTimeGoesOutAtOnceInPieces(t *testing.T) {
	r := rolloutOf(units(1000, func(int) int { return 1 }), time.Unix(0, 0))
	pieces := 0
	for !r.ended() {
		var some []translate.Behind
		var wait time.Duration
		r, some, wait = r.step(time.Unix(0, 0), 0, rejected) // whatever is rejected
		pieces++
		if len(some) != atOnce || wait != 0 {
			t.Fatalf("%d clusters, and the next ones in %v", len(some), wait)
		}
	}
	if pieces != 1000/atOnce {
		t.Error(pieces)
	}
}

func TestSmallServicesGoFirst(t *testing.T) {
	r := rolloutOf(units(50, func(i int) int { return i * 7 % 50 }), time.Unix(0, 0))
	for i, u := range r.units {
		if u.Instances != i {
			t.Fatalf("number %d has %d instances", i, u.Instances)
		}
	}
}

func TestNothingChangesWhileSomethingIsRejectedAndThatTimeDoesNotCount(t *testing.T) {
	const over, n = 10 * time.Second, 100
	start := rolloutOf(units(n, func(int) int { return 1 }), time.Unix(0, 0))
	from, to := 3*time.Second, time.Hour
	at := gone(start, over, func(at time.Duration) verdict {
		if at >= from && at < to {
			return rejected
		}
		return taken
	})
	before := 0
	for _, when := range at {
		switch {
		case when < from:
			before++
		case when < to:
			t.Fatalf("a cluster changes at %v", when)
		}
	}
	if before < 25 || before > 31 {
		t.Errorf("%d clusters changed before", before)
	}
	if last := at[n-1] - (to - from); last > over+2*rejectedEvery || last < over-2*rejectedEvery {
		t.Errorf("without the pause it took %v", last)
	}
}

// A client alone is no witness against all others: these are asked, one cluster at a time.
func TestWhileARejectionIsDoubtedOneMoreClusterAsksTheOthersFromTimeToTime(t *testing.T) {
	const over, n = 10 * time.Second, 100
	from, to := 3*time.Second, time.Hour
	at := gone(rolloutOf(units(n, func(int) int { return 1 }), time.Unix(0, 0)), over, func(at time.Duration) verdict {
		if at >= from && at < to {
			return doubted
		}
		return taken
	})
	var during []time.Duration
	for _, when := range at {
		if when >= from && when < to {
			during = append(during, when)
		}
	}
	if len(during) == 0 || during[0] < from+askEvery {
		t.Fatalf("in doubt changed %v", during)
	}
	for i, when := range during[1:] {
		if apart := when - during[i]; apart < askEvery || apart > askEvery+2*rejectedEvery {
			t.Fatalf("%v lie between two of them", apart)
		}
	}
}

func TestAVerdictNeedsMoreClientsThatRejectThanThatTake(t *testing.T) {
	for _, c := range []struct {
		against, take, silent int
		want                  verdict
	}{
		{0, 0, 5, taken}, {1, 5, 0, taken}, {1, 1, 9, taken}, {2, 2, 0, taken},
		{1, 0, 0, rejected}, {2, 1, 0, rejected}, {2, 0, 9, rejected}, {5, 0, 0, rejected},
		{1, 0, 1, doubted},
	} {
		if got := verdictOf(xdsserver.Votes{Against: c.against, For: c.take, Silent: c.silent}); got != c.want {
			t.Errorf("%d reject, %d take, %d say nothing: verdict %v, want %v", c.against, c.take, c.silent, got, c.want)
		}
	}
}
