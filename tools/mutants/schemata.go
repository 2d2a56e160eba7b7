package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Most changes are built into one program, and each is switched on by a number in the environment
// (mutant schemata): building the tests takes much longer than running those that notice a change.

// switchName is the environment variable with the number of the active change, from 1.
const switchName = "LEGATE_MUTANT"

// switchVariable is its name in the program.
const switchVariable = "activeMutant"

// form is how a change is combined with the original code.
type form uint8

const (
	alone      form = iota // not combined: it has a program of its own
	expression             // chooses between two conditions
	choice                 // chooses between two statements
	leftOut                // runs a statement or not
)

// pieces returns what is inserted before and after the code of a change.
func (c change) pieces(number int, source []byte) (before, after string) {
	is := fmt.Sprintf("%s == %d", switchVariable, number)
	isNot := fmt.Sprintf("%s != %d", switchVariable, number)
	other := string(source[c.from:c.start]) + c.with + string(source[c.end:c.to])
	switch c.form {
	case expression:
		return "(" + is + " && (" + other + ") || " + isNot + " && (", "))"
	case choice:
		return "if " + is + " { " + other + " } else { ", " }"
	case leftOut:
		return "if " + isNot + " { ", " }"
	}
	return "", ""
}

// insertion is text that is inserted into a source.
type insertion struct {
	at, other int // other is the other end of its piece
	opens     bool
	number    int
	text      string
}

// switched returns a source with all its switchable changes, by their numbers. They are nested like
// the code.
func switched(source []byte, changes map[int]change) []byte {
	var all []insertion
	for number, c := range changes {
		before, after := c.pieces(number, source)
		all = append(all, insertion{c.from, c.to, true, number, before}, insertion{c.to, c.from, false, number, after})
	}
	slices.SortFunc(all, func(a, b insertion) int {
		switch {
		case a.at != b.at:
			return a.at - b.at
		case a.opens != b.opens: // pieces that end here come before those that begin here
			return cmp.Compare(btoi(a.opens), btoi(b.opens))
		case a.other != b.other: // longer pieces are outside
			return b.other - a.other
		case a.opens:
			return a.number - b.number
		}
		return b.number - a.number
	})
	var out []byte
	last := 0
	for _, i := range all {
		out = append(append(out, source[last:i.at]...), i.text...)
		last = i.at
	}
	return append(out, source[last:]...)
}

func btoi(is bool) int {
	if is {
		return 1
	}
	return 0
}

// buildSwitched builds one program for all switchable changes. If that fails, it returns the
// reason, and each change needs a program of its own.
func (b *bench) buildSwitched(ctx context.Context, changes []change, sources map[string][]byte) error {
	byFile := map[string]map[int]change{}
	for i, c := range changes {
		if c.form == alone {
			continue
		}
		if byFile[c.file] == nil {
			byFile[c.file] = map[int]change{}
		}
		byFile[c.file][i+1] = c
	}
	if len(byFile) == 0 {
		return nil
	}
	replace := map[string]string{}
	put := func(to, name string, text []byte) error {
		replace[to] = filepath.Join(b.dir, name)
		return os.WriteFile(replace[to], text, 0o600)
	}
	var name string
	for file, some := range byFile {
		name = string(packageClause.FindSubmatch(sources[file])[1])
		if err := put(filepath.Join(b.module, file), "switched-"+filepath.Base(file), switched(sources[file], some)); err != nil {
			return err
		}
	}
	variable := fmt.Sprintf("package %s\n\nimport (\n\t\"os\"\n\t\"strconv\"\n)\n\nvar %s, _ = strconv.Atoi(os.Getenv(%q))\n", name, switchVariable, switchName)
	if err := put(filepath.Join(b.folder, "active_mutant.go"), "active_mutant.go", []byte(variable)); err != nil {
		return err
	}
	program := filepath.Join(b.dir, "switched")
	if out, err := b.build(ctx, program, replace); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	b.switched = program
	return nil
}

// withoutArithmetic gives arithmetic changes programs of their own.
func withoutArithmetic(changes []change) []change {
	changes = slices.Clone(changes)
	for i, c := range changes {
		if slices.Contains([]string{"+", "-", "*", "/", "%", "&", "|", "<<", ">>", "+=", "-=", "*=", "/="}, c.with) {
			changes[i].form = alone
		}
	}
	return changes
}

var packageClause = regexp.MustCompile(`(?m)^package (\w+)`)

// build builds the package's tests with some files replaced.
func (b bench) build(ctx context.Context, program string, replace map[string]string) ([]byte, error) {
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, err
	}
	overlay := program + ".json"
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		return nil, err
	}
	return b.command(ctx, b.module, 10*time.Minute, nil, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay="+overlay, "-o", program, b.pkg)
}

// on returns the environment that switches change number i on.
func on(i int) []string { return []string{switchName + "=" + strconv.Itoa(i+1)} }
