// Package logtest gives tests a log that they read while it is written.
package logtest

import (
	"bytes"
	"strings"
	"sync"
)

// Buffer is what was logged so far. Its zero value is empty; it may be used concurrently.
type Buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// Reset forgets what was written.
func (b *Buffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.Reset()
}

// String is all that was written.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Count is how often a text was written.
func (b *Buffer) Count(of string) int { return strings.Count(b.String(), of) }

// Lines are those that a text is in.
func (b *Buffer) Lines(with string) (found []string) {
	for line := range strings.Lines(b.String()) {
		if strings.Contains(line, with) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}
