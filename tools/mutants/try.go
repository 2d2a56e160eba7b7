package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// fate is the outcome of a change.
type fate string

const (
	killed     fate = "killed"      // a test failed
	hung       fate = "hung"        // the tests did not end: noticed, too
	survived   fate = "survived"    // all tests passed
	uncovered  fate = "not covered" // no test runs it: survived
	invalid    fate = "invalid"     // it does not compile
	equivalent fate = "equivalent"  // it has no effect, according to equivalent.txt
)

// bench is the environment in which changes are tried.
type bench struct {
	module  string // folder of the module
	pkg     string // as an argument of go test
	folder  string // of the package
	run     string // pattern of tests; empty: all
	short   bool
	timeout time.Duration // for one change's tests; 0: derived from their unchanged duration
	dir     string        // for temporary files
	tests   []covering    // of the package, the fastest first

	switched string // the program with all switchable changes; empty: none
}

// try runs the tests that cover a change on the changed file.
func (b bench) try(ctx context.Context, number int, c change, source []byte) (fate, error) {
	tests := b.covering(c)
	if len(tests) == 0 {
		return uncovered, nil
	}
	program, env := b.switched, on(number)
	if c.form == alone || program == "" {
		dir := filepath.Join(b.dir, fmt.Sprint(number))
		if err := os.Mkdir(dir, 0o700); err != nil {
			return "", err
		}
		defer os.RemoveAll(dir)
		changed := filepath.Join(dir, "changed.go")
		if err := os.WriteFile(changed, c.apply(source), 0o600); err != nil {
			return "", err
		}
		program = filepath.Join(dir, "test")
		if _, err := b.build(ctx, program, map[string]string{filepath.Join(b.module, c.file): changed}); err != nil {
			return invalid, ctx.Err()
		}
	}
	// Most changes are noticed by a fast test, so slow ones come last.
	for _, some := range batches(tests) {
		_, err := b.command(ctx, b.folder, b.limit(some), env, program, b.flags(some, "-test.failfast")...)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			return hung, nil
		case err != nil:
			return killed, nil
		}
	}
	return survived, nil
}

// limit returns how long tests may take on a change.
func (b bench) limit(tests []covering) time.Duration {
	if b.timeout > 0 {
		return b.timeout
	}
	took := time.Duration(0)
	for _, t := range tests {
		took += t.took
	}
	return 20*time.Second + 4*took
}

// command runs a program with a timeout and additions to its environment.
func (b bench) command(ctx context.Context, folder string, most time.Duration, env []string, program string, args ...string) ([]byte, error) {
	limit, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	cmd := exec.CommandContext(limit, program, args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = 5 * time.Second
	together(cmd)
	out, err := cmd.CombinedOutput()
	if limit.Err() != nil {
		return out, limit.Err()
	}
	return out, err
}
