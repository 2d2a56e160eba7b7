package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// known is a change without an effect. It has no line number, so that it stays valid when the code
// around it moves.
type known struct{ file, was, is string }

// readEquivalent reads changes without an effect: the file and the reason, then the change as in
// the report. # begins a comment.
//
//	discovery/guard.go: four is refused above
//	    - if n > 4 {
//	    + if n >= 4 {
func readEquivalent(file string) (map[known]bool, error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list := map[known]bool{}
	var one known
	end := func() error {
		if one != (known{}) && (one.file == "" || one.is == "") {
			return fmt.Errorf("%s: %+v is not a file, a reason and a change", file, one)
		}
		if one.file != "" {
			list[known{one.file, oneLine(one.was), oneLine(one.is)}] = true
		}
		one = known{}
		return nil
	}
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\n")
		switch side := strings.TrimSpace(line); {
		case side == "", strings.HasPrefix(line, "#"):
		case strings.HasPrefix(side, "- "):
			one.was += side[2:] + " "
		case strings.HasPrefix(side, "+ "):
			one.is += side[2:] + " "
		default:
			if err := end(); err != nil {
				return nil, err
			}
			name, reason, _ := strings.Cut(line, ": ")
			if reason == "" {
				return nil, fmt.Errorf("%s: %q has no reason", file, line)
			}
			one.file = name
		}
	}
	return list, end()
}

// of returns a change in the form of equivalent.txt.
func of(c change) known { return known{c.file, oneLine(c.was), oneLine(c.is)} }

// oneLine reduces white space to single spaces.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
