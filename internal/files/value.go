package files

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// Patience is how long Now waits for a look at the files. Patient is how long New does: there is no
// value yet that could stand in.
const (
	Patience = time.Second
	Patient  = 10 * time.Second
)

// Source says where a value comes from.
type Source[T any] struct {
	// Files are the paths that are looked at. A file has changed when its identity, size or time of
	// change has, or when it came or went.
	Files func() []string
	// Read makes the value of the files. Its errors must not quote what is in them.
	Read func() (T, error)
	// Changed hears of a new value. Unusable hears why there is none, once until the files are good
	// again. Both may be nil, and must not call the Value.
	Changed  func(T)
	Unusable func(error)
}

// Value is made of files, and made anew when they change: a token, a pair of certificate and key. What
// a caller may rely on:
//
//   - It is never older than the files were when Now was called, unless they cannot be used, or cannot
//     be read in time.
//   - Files that cannot be used, such as a certificate whose key is still to come, leave the last good
//     value in place. They are tried again each time.
//   - A disk that hangs holds nobody up for longer than Patience, and only once: until it answers, the
//     last good value counts at once.
//
// Its methods may be called concurrently.
type Value[T any] struct {
	source Source[T]

	mu      sync.Mutex
	value   T
	read    []stamp   // of the files when the value was made
	bad     error     // why they cannot be used now
	since   time.Time // of that; zero: they can
	looking *look     // under way; nil: none is
}

// look is one look at the files.
type look struct {
	began time.Time
	done  chan struct{} // closed when it is over
}

// Lazy reads the files when Now is called for the first time. Until they could be read Now is the zero
// value, and Trouble says why.
func Lazy[T any](s Source[T]) *Value[T] { return &Value[T]{source: s} }

// New reads the files for the first time. It fails if they cannot be used, or not be read within
// Patient.
func New[T any](s Source[T]) (*Value[T], error) {
	v := &Value[T]{source: s}
	v.mu.Lock()
	l := v.look()
	v.mu.Unlock()
	select {
	case <-l.done:
	case <-time.After(Patient):
		return nil, hangs(Patient)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.bad != nil {
		return nil, v.bad
	}
	return v, nil
}

// Now is the value of the files as they are now, or else the last good one.
func (v *Value[T]) Now() T {
	v.mu.Lock()
	l := v.look()
	v.mu.Unlock()
	if left := Patience - time.Since(l.began); left > 0 {
		select {
		case <-l.done:
		case <-time.After(left):
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.value
}

// Trouble is why the last good value counts, and since when: the files cannot be used, or reading
// them takes long. It is nil if all is well.
func (v *Value[T]) Trouble() (since time.Time, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if l := v.looking; l != nil && time.Since(l.began) >= Patience {
		return l.began, hangs(time.Since(l.began).Truncate(time.Second))
	}
	return v.since, v.bad
}

func hangs(after time.Duration) error {
	return fmt.Errorf("reading it has taken %v so far: does a disk hang?", after)
}

// look needs the lock. It begins a look at the files, unless one is under way: a disk that hangs
// has one thread of ours, and no more.
func (v *Value[T]) look() *look {
	if v.looking == nil {
		l := &look{began: time.Now(), done: make(chan struct{})}
		v.looking = l
		go v.run(l)
	}
	return v.looking
}

func (v *Value[T]) run(l *look) {
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
	v.looking = nil
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

// stamp tells whether a file is the one that was read. One that is not there never is.
type stamp struct {
	path string
	info os.FileInfo // nil: it is not there, or cannot be looked at
}

func stampsOf(paths []string) []stamp {
	stamps := make([]stamp, 0, len(paths))
	for _, path := range paths {
		info, _ := os.Stat(path) // reading it says why it cannot be looked at
		stamps = append(stamps, stamp{path, info})
	}
	return stamps
}

func (s stamp) same(o stamp) bool {
	return s.path == o.path && os.SameFile(s.info, o.info) && s.info.Size() == o.info.Size() && s.info.ModTime().Equal(o.info.ModTime())
}
