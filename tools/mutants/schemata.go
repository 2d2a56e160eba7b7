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

// Most changes are built into one program, each switched on by a number in the environment (mutant
// schemata): to build the tests takes much longer than to run those that notice a change.

// switchName is the environment's variable that says which change is on: its number, from 1.
const switchName = "LEGATE_MUTANT"

// switchVariable is what it is in the program.
const switchVariable = "activeMutant"

// form is how a change is written beside what was there.
type form uint8

const (
	alone      form = iota // not at all: it has a program of its own
	expression             // one of two expressions, both of them conditions
	choice                 // one of two statements
	leftOut                // a statement, or none
)

// pieces are what is written before and after the code that change number is of.
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

// insertion is text that is put somewhere into a source.
type insertion struct {
	at, other int // other is the end of what it belongs to
	opens     bool
	number    int
	text      string
}

// switched is a source with all changes of it that can be switched, by their numbers. They are
// nested as the code is.
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
		case a.opens != b.opens: // what ends here is before what begins here
			return cmp.Compare(btoi(a.opens), btoi(b.opens))
		case a.other != b.other: // what reaches further is outside
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

// buildSwitched builds one program for all changes that can be switched. Where that fails the
// reason is returned, and each change needs a program of its own.
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

// withoutArithmetic are the changes with programs of their own for what calculates.
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

// on is the environment that switches change number i on.
func on(i int) []string { return []string{switchName + "=" + strconv.Itoa(i+1)} }
