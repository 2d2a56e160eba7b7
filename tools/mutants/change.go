package main

import (
	"bytes"
	"go/token"
	"strings"
)

// change is a modification of one place in a file.
type change struct {
	file       string // relative to the module
	start, end int    // the range that is replaced, in bytes
	with       string
	line, col  int    // position of the start
	was, is    string // the lines before and after

	form     form // how it is combined with the original code
	from, to int  // range of the enclosing expression or statement, in bytes
}

// newChange replaces the code between two positions of a parsed file.
func newChange(fset *token.FileSet, file string, source []byte, from, to token.Pos, with string) change {
	start, end := fset.Position(from), fset.Position(to)
	c := change{file: file, start: start.Offset, end: end.Offset, with: with, line: start.Line, col: start.Column}
	c.was, c.is = lines(source, c.start, c.end), lines(c.apply(source), c.start, c.start+len(with))
	return c
}

// apply returns the changed source.
func (c change) apply(source []byte) []byte {
	return bytes.Join([][]byte{source[:c.start], source[c.end:]}, []byte(c.with))
}

// lines returns the whole lines of a part of a source.
func lines(source []byte, start, end int) string {
	from := bytes.LastIndexByte(source[:start], '\n') + 1
	to := len(source)
	if i := bytes.IndexByte(source[end:], '\n'); i >= 0 {
		to = end + i
	}
	return string(source[from:to])
}

// diff shows the difference as a diff.
func (c change) diff() string {
	var out strings.Builder
	for _, side := range []struct{ mark, text string }{{"-", c.was}, {"+", c.is}} {
		for line := range strings.Lines(side.text) {
			out.WriteString("    " + side.mark + " " + strings.TrimRight(line, "\n") + "\n")
		}
	}
	return out.String()
}
