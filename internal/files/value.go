package files

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// NowTimeout is how long Now waits for a check of the files. NewTimeout is how long New waits: it has no
// earlier value to fall back on.
const (
	NowTimeout = time.Second
	NewTimeout = 10 * time.Second
)

// Source says how a value is made of files.
type Source[T any] struct {
	// Files returns the paths to check. A file has changed when its identity, size or modification
	// time differs, or when it appears or disappears.
	Files func() []string
	// Read makes the value from the files. Its errors must not quote their content.
	Read func() (T, error)
	// Changed is called with each new value. Unusable is called with the reason when the files
	// become unusable, once until they are good again. Both may be nil, and must not call the
	// Value.
	Changed  func(T)
	Unusable func(error)
}

// Value is made from files and made again when they change: a token, or a certificate with its key.
// What a caller may rely on:
//
//   - It reflects the files as they were when Now was called, unless they are unusable or cannot be
//     read in time.
//   - Unusable files, such as a certificate whose key is not there yet, leave the last good value
//     in place. They are checked again on each call.
//   - A disk that hangs blocks a caller for at most NowTimeout, and only once: until it answers,
//     further callers get the last good value at once.
//
// Its methods may be called concurrently.
type Value[T any] struct {
	source Source[T]

	mu       sync.Mutex
	value    T
	read     []stamp   // the files from which value was made
	bad      error     // why the files are unusable now
	since    time.Time // when they became unusable; zero: they are fine
	checking *check    // the check under way; nil: none
}

// check is one check of the files.
type check struct {
	began time.Time
	done  chan struct{} // closed at its end
}

// Lazy reads the files on the first call of Now. Until a read succeeds, Now returns the zero value
// and Trouble says why.
func Lazy[T any](s Source[T]) *Value[T] { return &Value[T]{source: s} }

// New reads the files for the first time. It fails if they are unusable or the read takes longer
// than NewTimeout.
func New[T any](s Source[T]) (*Value[T], error) {
	v := &Value[T]{source: s}
	v.mu.Lock()
	l := v.check()
	v.mu.Unlock()
	select {
	case <-l.done:
	case <-time.After(NewTimeout):
		return nil, hangs(NewTimeout)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.bad != nil {
		return nil, v.bad
	}
	return v, nil
}

// Now returns the value of the files as they are now, or else the last good one.
func (v *Value[T]) Now() T {
	v.mu.Lock()
	l := v.check()
	v.mu.Unlock()
	if left := NowTimeout - time.Since(l.began); left > 0 {
		select {
		case <-l.done:
		case <-time.After(left):
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.value
}

// Trouble says why the last good value is still in use, and since when: the files are unusable, or
// reading them hangs. It returns nil if all is well.
func (v *Value[T]) Trouble() (since time.Time, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if l := v.checking; l != nil && time.Since(l.began) >= NowTimeout {
		return l.began, hangs(time.Since(l.began).Truncate(time.Second))
	}
	return v.since, v.bad
}

func hangs(after time.Duration) error {
	return fmt.Errorf("reading it has taken %v so far: does a disk hang?", after)
}

// check starts one, unless one is under way: a disk that hangs blocks one goroutine
// and no more. The caller holds the lock.
func (v *Value[T]) check() *check {
	if v.checking == nil {
		l := &check{began: time.Now(), done: make(chan struct{})}
		v.checking = l
		go v.run(l)
	}
	return v.checking
}

func (v *Value[T]) run(l *check) {
	v.mu.Lock()
	was := v.read
	v.mu.Unlock()
	stamps := stampsOf(v.source.Files())
	same := was != nil && slices.EqualFunc(stamps, was, stamp.same)
	var value T
	var err error
	if !same {
		value, err = v.source.Read()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.checking = nil
	close(l.done)
	switch first := was == nil; {
	case err != nil:
		if v.bad == nil {
			v.since = l.began
		}
		if v.bad == nil && !first && v.source.Unusable != nil {
			v.source.Unusable(err)
		}
		v.bad = err
		return
	case !same:
		v.value, v.read = value, stamps
		if !first && v.source.Changed != nil {
			v.source.Changed(value)
		}
	}
	v.bad, v.since = nil, time.Time{}
}

// stamp identifies the version of a file. Two stamps of a missing file are never the same.
type stamp struct {
	path string
	info os.FileInfo // nil: the file is missing, or Stat failed
}

func stampsOf(paths []string) []stamp {
	stamps := make([]stamp, 0, len(paths))
	for _, path := range paths {
		info, _ := os.Stat(path) // Read reports the cause
		stamps = append(stamps, stamp{path, info})
	}
	return stamps
}

func (s stamp) same(o stamp) bool {
	return s.path == o.path && os.SameFile(s.info, o.info) && s.info.Size() == o.info.Size() && s.info.ModTime().Equal(o.info.ModTime())
}
