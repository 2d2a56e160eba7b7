package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"
)

// bench is one run of the program: its options, and where progress is written.
type bench struct {
	scale         scale
	perConnection int
	profiles      string // folder for profiles of Legate; empty: none
	contenders    []string
	progress      io.Writer
}

// scale is how much is measured.
type scale struct {
	streams  int
	services int // of the medium fleet
	many     int // of the large fleet
	rounds   int // repetitions
	changes  int // per repetition
	storm    time.Duration
	timeout  time.Duration // limit for connecting the streams of a contender, and for one change
}

// instances is the number of instances of each service.
const instances = 8

// rival is a running contender with its clients.
type rival struct {
	*process
	clients *clients
	note    string
	out     bool // it no longer takes part
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.progress, "    "+format+"\n", args...)
}

// field starts contenders with the same clients. A contender that cannot connect them in time is
// left out, with a note.
func (b *bench) field(ctx context.Context, names []string, f fleet, e *expected, l layout) ([]*rival, func() error, error) {
	var all []*rival
	end := func() error {
		var errs []error
		for _, r := range all {
			errs = append(errs, r.end())
		}
		return errors.Join(errs...)
	}
	for _, name := range names {
		if len(b.contenders) > 0 && !slices.Contains(b.contenders, name) {
			continue
		}
		r := &rival{}
		began := time.Now()
		var err error
		if r.process, err = start(ctx, name, f); err != nil {
			return nil, nil, errors.Join(err, end())
		}
		all = append(all, r)
		if l.streams == 0 {
			continue
		}
		if err := r.bringUp(ctx, e, l, b.scale.timeout); errors.Is(err, errTimeout) {
			r.out, r.note = true, fmt.Sprintf("did not bring %d streams up within %v", l.streams, b.scale.timeout)
			b.say("%s %s", name, r.note)
			continue
		} else if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("%s: %w", name, err), end())
		}
		b.say("%-8s %d streams are up after %v", name, l.streams, time.Since(began).Round(time.Millisecond))
	}
	return all, end, nil
}

var errTimeout = errors.New("timed out")

// bringUp connects the clients and waits until they have the expected content.
func (r *rival) bringUp(ctx context.Context, e *expected, l layout, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
	defer cancel()
	var err error
	if r.clients, err = connect(ctx, r.address, e, l); err != nil {
		return err
	}
	if _, err = r.clients.await(ctx); err != nil {
		return err
	}
	if err := r.clients.check(); err != nil {
		return err
	}
	_, err = r.awaitIdle(ctx)
	return err
}

// awaitIdle waits until the server has read everything that its clients sent, and is idle.
func (r *rival) awaitIdle(ctx context.Context) (usage, error) {
	return r.process.awaitIdle(ctx, r.clients.sent.Load())
}

func (r *rival) end() error {
	var err error
	if r.clients != nil {
		err = r.clients.close()
	}
	return errors.Join(err, r.stop())
}

// profile starts a CPU profile of each Legate process, if profiles were asked for. It returns a
// function that ends it.
func (b *bench) profile(name string, rivals []*rival) (end func() error, err error) {
	tell := func(path string) error {
		for _, r := range rivals {
			if b.profiles != "" && r.name == legateName {
				if _, err := r.tell(order{Do: doProfile, Path: path}); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return func() error { return tell("") }, tell(filepath.Join(b.profiles, name+".cpu.pprof"))
}

// heapProfile writes the heap profiles of each Legate process, if profiles were asked for.
func (b *bench) heapProfile(name string, rivals []*rival) error {
	for _, r := range rivals {
		if b.profiles == "" || r.name != legateName {
			continue
		}
		if _, err := r.tell(order{Do: doHeap, Path: filepath.Join(b.profiles, name+".heap.pprof")}); err != nil {
			return err
		}
	}
	return nil
}
