package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"
)

// options are the values of the command line.
type options struct {
	module, pkg, files, run, equivalent, again string
	all                                        bool
	timeout                                    time.Duration
	workers, every                             int
	threshold                                  float64
	out                                        io.Writer
}

func main() {
	o := options{out: os.Stdout}
	flag.StringVar(&o.module, "module", ".", "folder of the Go module")
	flag.StringVar(&o.pkg, "pkg", "", "package to change and to test, as ./discovery")
	flag.StringVar(&o.files, "files", "*.go", "files of the package to change, as guard*.go,hold*.go")
	flag.StringVar(&o.run, "run", "", "tests to run, as go test -run; empty: all of the package")
	flag.StringVar(&o.equivalent, "equivalent", "equivalent.txt", "changes that have no effect, with reasons")
	flag.StringVar(&o.again, "again", "", "what an earlier run printed: try only what survived it")
	flag.BoolVar(&o.all, "all", false, "run the tests without -short")
	flag.DurationVar(&o.timeout, "timeout", 0, "longest time of tests on a change; 0: four times what they take unchanged, and 20 s")
	flag.IntVar(&o.workers, "workers", max(1, runtime.NumCPU()/2), "changes that are tried at once")
	flag.IntVar(&o.every, "every", 1, "try only each nth change")
	flag.Float64Var(&o.threshold, "threshold", 90, "percent of the changes that must be noticed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	score, err := work(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if score < o.threshold {
		os.Exit(1)
	}
}

// work tries all changes, prints the results, and returns how many percent were noticed.
func work(ctx context.Context, o options) (float64, error) {
	module, err := filepath.Abs(o.module)
	if err != nil {
		return 0, err
	}
	o.module = module
	changes, sources, folder, err := candidates(o)
	if err != nil {
		return 0, err
	}
	if changes, err = only(changes, o.again); err != nil {
		return 0, err
	}
	none, err := readEquivalent(o.equivalent)
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	b := bench{module: o.module, pkg: o.pkg, folder: folder, run: o.run, short: !o.all, timeout: o.timeout, dir: dir}
	start := time.Now()
	if b.tests, err = b.measure(ctx); err != nil {
		return 0, err
	}
	fmt.Fprintf(o.out, "%d changes of %s; each of its %d tests by itself, %d at once, took %v\n", len(changes), o.pkg, len(b.tests), atOnce, time.Since(start).Round(time.Second))

	err = b.buildSwitched(ctx, changes, sources)
	if err != nil { // strings can be added but not subtracted
		alone := withoutArithmetic(changes)
		if b.buildSwitched(ctx, alone, sources) == nil {
			changes, err = alone, nil
		}
	}
	if err != nil {
		fmt.Fprintf(o.out, "the changes do not compile together, each is built by itself: %v\n", err)
	}
	t := newTally(o.out)
	results := make(chan result)
	go func() {
		defer close(results)
		tryAll(ctx, b, o.workers, changes, none, sources, results)
	}()
	var failed error
	for r := range results {
		if r.err != nil {
			failed = cmp.Or(failed, r.err)
			continue
		}
		t.add(r)
	}
	if failed != nil {
		return 0, failed
	}
	return t.report(), ctx.Err()
}
