package main

import (
	"fmt"
	"os"
	"path"
	"strings"
)

// block is a part of a file, and whether some test ran it.
type block struct {
	startLine, startCol, endLine, endCol int
	ran                                  bool
}

// readCover reads a coverage profile. Files are identified by their base names, since all are in
// one package.
func readCover(profile string) (map[string][]block, error) {
	raw, err := os.ReadFile(profile)
	if err != nil {
		return nil, err
	}
	blocks := map[string][]block{}
	for line := range strings.Lines(string(raw)) {
		colon := strings.LastIndexByte(line, ':')
		if colon < 0 || strings.HasPrefix(line, "mode:") {
			continue
		}
		var b block
		var statements, count int
		if _, err := fmt.Sscanf(line[colon+1:], "%d.%d,%d.%d %d %d", &b.startLine, &b.startCol, &b.endLine, &b.endCol, &statements, &count); err != nil {
			return nil, fmt.Errorf("read coverage %q: %w", strings.TrimSpace(line), err)
		}
		b.ran = count > 0
		file := path.Base(line[:colon])
		blocks[file] = append(blocks[file], b)
	}
	return blocks, nil
}

func (b block) holds(line, col int) bool {
	return (line > b.startLine || line == b.startLine && col >= b.startCol) &&
		(line < b.endLine || line == b.endLine && col < b.endCol)
}
