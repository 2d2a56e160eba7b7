package policytest

import (
	_ "embed"
	"strings"
)

//go:embed raw.txt
var rawTable string

// RawFields are raw fields of a cluster, with what Envoy does with them.
type RawFields struct {
	Verdict string // accepted, refused, stricter or later: see raw.txt
	JSON    string
}

// Raw are those of the table.
func Raw() (all []RawFields) {
	for line := range strings.Lines(rawTable) {
		verdict, text, is := strings.Cut(strings.TrimSpace(line), " ")
		if is && verdict != "#" {
			all = append(all, RawFields{verdict, text})
		}
	}
	return all
}
