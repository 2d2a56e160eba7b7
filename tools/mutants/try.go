package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// fate is what became of a change.
type fate string

const (
	killed     fate = "killed"      // a test failed
	hung       fate = "hung"        // the tests did not end: noticed, too
	survived   fate = "survived"    // all tests passed
	uncovered  fate = "not covered" // no test runs it: survived
	invalid    fate = "invalid"     // it does not compile
	equivalent fate = "equivalent"  // it changes nothing, says equivalent.txt
)

// bench is where changes are tried.
type bench struct {
	module  string // folder
	pkg     string // as go test wants it
	run     string // pattern of tests; empty: all
	short   bool
	timeout time.Duration // of one change's tests
	dir     string        // for temporary files
}

// try runs the tests on a changed file.
func (b bench) try(ctx context.Context, number int, c change, source []byte) (fate, error) {
	changed := filepath.Join(b.dir, fmt.Sprintf("%d.go", number))
	if err := os.WriteFile(changed, c.apply(source), 0o600); err != nil {
		return "", err
	}
	defer os.Remove(changed)
	overlay := filepath.Join(b.dir, fmt.Sprintf("%d.json", number))
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(b.module, c.file): changed}})
	if err == nil {
		err = os.WriteFile(overlay, list, 0o600)
	}
	if err != nil {
		return "", err
	}
	defer os.Remove(overlay)

	out, err := b.test(ctx, "-overlay="+overlay)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, context.DeadlineExceeded), bytes.Contains(out, []byte("panic: test timed out after")):
		return hung, nil
	case err == nil:
		return survived, nil
	case bytes.Contains(out, []byte("[build failed]")), bytes.Contains(out, []byte("[setup failed]")):
		return invalid, nil
	}
	return killed, nil
}

// baseline runs the tests on the code as it is, and returns what they cover and how long they take.
func (b bench) baseline(ctx context.Context) (map[string][]block, time.Duration, error) {
	profile := filepath.Join(b.dir, "cover")
	start := time.Now()
	if out, err := b.test(ctx, "-coverprofile="+profile); err != nil {
		return nil, 0, fmt.Errorf("the tests fail on the code as it is: %w\n%s", err, out)
	}
	blocks, err := readCover(profile)
	return blocks, time.Since(start), err
}

// test runs the package's tests until the first that fails.
func (b bench) test(ctx context.Context, more ...string) ([]byte, error) {
	limit, cancel := context.WithTimeout(ctx, b.timeout+time.Minute) // for the compiler
	defer cancel()
	args := append([]string{"test", "-vet=off", "-count=1", "-failfast", "-timeout=" + b.timeout.String()}, more...)
	if b.short {
		args = append(args, "-short")
	}
	if b.run != "" {
		args = append(args, "-run="+b.run)
	}
	cmd := exec.CommandContext(limit, "go", append(args, b.pkg)...)
	cmd.Dir = b.module
	cmd.WaitDelay = 5 * time.Second
	together(cmd)
	out, err := cmd.CombinedOutput()
	if limit.Err() != nil {
		return out, limit.Err()
	}
	return out, err
}
