package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

var survivor = regexp.MustCompile(`^(\S+):\d+: (survived|not covered)$`)

// readSurvivors reads the changes that survived from the output of an earlier run.
func readSurvivors(report string) (map[known]bool, error) {
	raw, err := os.ReadFile(report)
	if err != nil {
		return nil, fmt.Errorf("-again: %w", err)
	}
	list := map[known]bool{}
	var one known
	end := func() {
		if one.file != "" {
			list[known{one.file, oneLine(one.was), oneLine(one.is)}] = true
		}
		one = known{}
	}
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\n")
		if head := survivor.FindStringSubmatch(line); head != nil {
			end()
			one.file = head[1]
		} else if was, ok := strings.CutPrefix(line, "    - "); ok {
			one.was += was + " "
		} else if is, ok := strings.CutPrefix(line, "    + "); ok {
			one.is += is + " "
		}
	}
	end()
	return list, nil
}

// only returns the changes that survived an earlier run; all if there was none.
func only(changes []change, report string) ([]change, error) {
	if report == "" {
		return changes, nil
	}
	list, err := readSurvivors(report)
	if err != nil {
		return nil, err
	}
	changes = slices.DeleteFunc(changes, func(c change) bool { return !list[of(c)] })
	if len(changes) == 0 {
		return nil, fmt.Errorf("-again %s: nothing of it survived, or it is of other files", report)
	}
	return changes, nil
}
