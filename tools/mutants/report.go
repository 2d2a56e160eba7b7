package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
)

// result is the outcome of a change.
type result struct {
	change
	fate fate
	err  error
}

// tryAll tries the changes in parallel, except those without an effect. It ends at the first error.
func tryAll(ctx context.Context, b bench, workers int, changes []change, none map[known]bool, sources map[string][]byte, results chan<- result) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	numbers := make(chan int)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := range numbers {
				r := result{change: changes[i]}
				if none[of(r.change)] {
					r.fate = equivalent
				} else if r.fate, r.err = b.try(ctx, i, r.change, sources[r.file]); r.err != nil {
					stop()
				}
				results <- r
			}
		})
	}
	for i := range changes {
		if ctx.Err() == nil {
			numbers <- i
		}
	}
	close(numbers)
	all.Wait()
}

// tally counts the outcomes, and prints survivors as they come.
type tally struct {
	out    io.Writer
	of     map[fate]int
	byFile map[string]map[fate]int
}

func newTally(out io.Writer) tally {
	return tally{out: out, of: map[fate]int{}, byFile: map[string]map[fate]int{}}
}

func (t tally) add(r result) {
	t.of[r.fate]++
	if t.byFile[r.file] == nil {
		t.byFile[r.file] = map[fate]int{}
	}
	t.byFile[r.file][r.fate]++
	if r.fate == survived || r.fate == uncovered {
		fmt.Fprintf(t.out, "%s:%d: %s\n%s", r.file, r.line, r.fate, r.diff())
	}
}

// report prints the totals, by file and of all, and returns how many percent of the effective changes
// were noticed.
func (t tally) report() float64 {
	for _, file := range slices.Sorted(maps.Keys(t.byFile)) {
		noticed, all, score := scoreOf(t.byFile[file])
		fmt.Fprintf(t.out, "%s: %d of %d noticed: %.1f %%\n", file, noticed, all, score)
	}
	noticed, all, score := scoreOf(t.of)
	fmt.Fprintf(t.out, "%d of %d noticed: %.1f %% (%d by a failure, %d because the tests hung); %d survived, %d are not covered; apart from these %d are equivalent and %d do not compile\n",
		noticed, all, score, t.of[killed], t.of[hung], t.of[survived], t.of[uncovered], t.of[equivalent], t.of[invalid])
	return score
}

// scoreOf returns how many of the effective changes were noticed, how many there are, and the percentage.
func scoreOf(of map[fate]int) (noticed, all int, score float64) {
	noticed = of[killed] + of[hung]
	all = noticed + of[survived] + of[uncovered]
	if all == 0 {
		return 0, 0, 100
	}
	return noticed, all, 100 * float64(noticed) / float64(all)
}
