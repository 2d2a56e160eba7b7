package discovery

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"sync"
	"time"
)

// refreshed is what was made of TLS files. They are looked at again each time it is wanted, which
// is with each new connection; files that cannot be used, such as a certificate whose key is still
// to come, leave the last good value.
type refreshed[T any] struct {
	what  string // for people
	files func() []string
	read  func() (T, error)
	log   *slog.Logger

	mu    sync.Mutex
	value T
	state map[string]fileState // of the files when they were last read; nil at first
	bad   bool
}

// fileState is what of a file changes when its content does.
type fileState struct {
	modified time.Time
	size     int64
}

// begin reads the files for the first time. There is nothing to fall back to yet.
func (r *refreshed[T]) begin() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reload()
}

func (r *refreshed[T]) current() T {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.reload()
	if err != nil && !r.bad {
		r.log.Warn("consul tls file is unusable, keeping what was read last", "error", err)
	}
	r.bad = err != nil
	return r.value
}

func (r *refreshed[T]) reload() error {
	state := map[string]fileState{}
	for _, file := range r.files() {
		info, err := os.Stat(file)
		if err != nil {
			return fmt.Errorf("read %s: %w", r.what, err)
		}
		state[file] = fileState{info.ModTime(), info.Size()}
	}
	if maps.Equal(state, r.state) {
		return nil
	}
	value, err := r.read()
	if err != nil {
		return fmt.Errorf("read %s: %w", r.what, err)
	}
	if r.state != nil {
		r.log.Info("consul tls file was read again", "what", r.what)
	}
	r.value, r.state = value, state
	return nil
}
