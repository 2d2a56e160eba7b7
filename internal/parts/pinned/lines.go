package pinned

import (
	"bytes"
	"slices"
	"sync"
)

// lines is a writer that passes each complete line to a function and keeps the last few.
type lines struct {
	each func(line []byte)

	mu   sync.Mutex
	part []byte
	kept [][]byte
}

// keptLines is how many lines of a failed command's output an error repeats.
const keptLines = 15

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.part = append(l.part, p...)
	for {
		end := bytes.IndexByte(l.part, '\n')
		if end < 0 {
			return len(p), nil
		}
		line := bytes.Clone(l.part[:end])
		l.part = l.part[end+1:]
		l.each(line)
		l.kept = append(l.kept, line)
		if len(l.kept) > keptLines {
			l.kept = slices.Delete(l.kept, 0, 1)
		}
	}
}

func (l *lines) tail() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Join(append(slices.Clone(l.kept), l.part), []byte("\n"))
}
