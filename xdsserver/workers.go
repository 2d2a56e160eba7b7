package xdsserver

import (
	"context"
	"runtime"
	"sync"
)

// workers send what has changed. There are a few of them for all streams, one for each processor:
// most of a push is to hand bytes over that are made already, and a thousand streams would otherwise
// be a thousand goroutines to wake. No worker waits for a client: a stream whose client has not taken
// in what it was sent before gets a goroutine of its own for that push.
type workers struct {
	ready chan struct{} // has one for each worker that has something to do

	mu    sync.Mutex
	queue []*session // first come, first served
	next  int        // the first in the queue

	waiting sync.WaitGroup // for clients
}

func newWorkers() *workers {
	return &workers{ready: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// add puts a session into the queue.
func (w *workers) add(ss *session) {
	w.mu.Lock()
	w.queue = append(w.queue, ss)
	w.mu.Unlock()
	select {
	case w.ready <- struct{}{}:
	default: // all workers have something to do, and look into the queue when they have done it
	}
}

// take returns the next session in the queue, nil if there is none.
func (w *workers) take() *session {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.next == len(w.queue) {
		w.queue, w.next = w.queue[:0], 0
		return nil
	}
	ss := w.queue[w.next]
	w.queue[w.next] = nil // so that it is not kept
	w.next++
	return ss
}

// run works until the context is done, and returns when nobody waits for a client any more.
func (w *workers) run(ctx context.Context) {
	var all sync.WaitGroup
	for range cap(w.ready) {
		all.Go(func() { w.work(ctx) })
	}
	all.Wait()
	w.waiting.Wait()
}

func (w *workers) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.ready:
		}
		for ss := w.take(); ss != nil; ss = w.take() {
			if ss.push() {
				w.waiting.Go(ss.pushPatiently)
			}
		}
	}
}
