package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// covering is a test, the code that it runs, and how long it takes.
type covering struct {
	name   string
	took   time.Duration
	blocks map[string][]block // by file
}

// atOnce is how many tests are measured in parallel: most of the time they wait.
const atOnce = 8

// measure runs each test of the package by itself on the unchanged code.
func (b bench) measure(ctx context.Context) ([]covering, error) {
	program := filepath.Join(b.dir, "unchanged")
	if out, err := b.command(ctx, b.module, 10*time.Minute, nil, "go", "test", "-c", "-cover", "-vet=off", "-o", program, b.pkg); err != nil {
		return nil, fmt.Errorf("build the tests: %w\n%s", err, out)
	}
	out, err := b.command(ctx, b.folder, time.Minute, nil, program, "-test.list="+cmp.Or(b.run, "."))
	if err != nil {
		return nil, fmt.Errorf("list the tests: %w\n%s", err, out)
	}
	names := regexp.MustCompile(`(?m)^(Test|Fuzz|Example)\w*$`).FindAllString(string(out), -1)
	if len(names) == 0 {
		return nil, errors.New("there are no such tests")
	}
	tests, failed := make([]covering, len(names)), make([]error, len(names))
	var all sync.WaitGroup
	turn := make(chan struct{}, atOnce)
	for i, name := range names {
		all.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			tests[i], failed[i] = b.measureOne(ctx, program, name, i)
		})
	}
	all.Wait()
	slices.SortFunc(tests, func(a, b covering) int { return cmp.Compare(a.took, b.took) })
	return tests, errors.Join(failed...)
}

// measureOne tries twice: while others run, a test may be too slow once.
func (b bench) measureOne(ctx context.Context, program, name string, number int) (covering, error) {
	profile := filepath.Join(b.dir, fmt.Sprintf("cover-%d", number))
	for tries := 1; ; tries++ {
		start := time.Now()
		out, err := b.command(ctx, b.folder, 10*time.Minute, nil, program, b.flags([]covering{{name: name}}, "-test.coverprofile="+profile)...)
		if err == nil {
			blocks, err := readCover(profile)
			return covering{name: name, took: time.Since(start), blocks: blocks}, err
		}
		if tries == 2 || ctx.Err() != nil {
			return covering{}, fmt.Errorf("%s fails on the code as it is: %w\n%s", name, err, out)
		}
	}
}

// flags returns the flags with which a test program runs some tests.
func (b bench) flags(tests []covering, more ...string) []string {
	var names []string
	for _, t := range tests {
		names = append(names, t.name)
	}
	flags := append([]string{"-test.run=^(" + strings.Join(names, "|") + ")$", "-test.parallel=" + fmt.Sprint(atOnce)}, more...)
	if b.short {
		flags = append(flags, "-test.short")
	}
	return flags
}

// covering returns the tests that may run a change, the fastest first. A change outside of all
// coverage blocks, such as the condition of a case, may be run by all tests that run anything in
// its file.
func (b bench) covering(c change) []covering {
	var exact, near []covering
	inBlock := false
	for _, t := range b.tests {
		runs, ran := false, false
		for _, block := range t.blocks[filepath.Base(c.file)] {
			holds := block.holds(c.line, c.col)
			inBlock = inBlock || holds
			runs = runs || holds && block.ran
			ran = ran || block.ran
		}
		if runs {
			exact = append(exact, t)
		}
		if ran {
			near = append(near, t)
		}
	}
	if inBlock {
		return exact
	}
	return near
}

// batches groups tests: all fast ones together, the others by ten.
func batches(tests []covering) [][]covering {
	const quick = 500 * time.Millisecond
	n := 0
	for n < len(tests) && tests[n].took < quick {
		n++
	}
	var all [][]covering
	if n > 0 {
		all = append(all, tests[:n])
	}
	for some := range slices.Chunk(tests[n:], 10) {
		all = append(all, some)
	}
	return all
}
