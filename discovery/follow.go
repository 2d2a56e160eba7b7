package discovery

import (
	"container/list"
	"context"
	"errors"
	"time"

	"golang.org/x/time/rate"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// list follows the names of services. After a rest the first change is seen at once; further
// ones wait for the interval to pass, and are then seen together.
func (w *Watcher) list(ctx context.Context) {
	const loop = "catalog"
	q := w.listQuery()
	pause := w.backoff()
	var cost listCost
	for ctx.Err() == nil {
		asking, over, end := w.listing.begin(ctx)
		if over {
			q.index = 0
		}
		got, err := q.next(asking, true)
		again := interrupted(asking)
		end()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if !again {
				w.trouble.failed(loop, err, time.Now())
				w.restAfter(ctx, err, &pause)
			}
			continue
		}
		w.listIndex.Store(got.reply.Index)
		w.trouble.answered(loop, time.Now())
		w.hidden.note(loop, got.reply.Filtered, time.Now())
		pause.reset()
		if moved := got.reply.Index != got.reply.Question.Index; moved && !got.changed { // instances came or went, and the names do not say which
			w.rotation.unexplained(time.Now(), w.round)
		}
		if got.changed {
			w.tell(ctx, listed{names: got.value, at: got.reply.At, index: got.reply.Index})
		}
		cost.learn(got.reply.Took, len(got.value))
		sleep(ctx, cost.pause(len(got.value)))
	}
}

// followed is one service that is listed, or was and is not confirmed to be gone.
type followed struct {
	key   catalog.ServiceKey
	ctx   context.Context // ends when it is no longer followed
	stop  context.CancelFunc
	query *query[consul.Reading] // used by the loop that follows it now
	alone bool                   // and so is this: it was last refused because of the name

	afresh afresh // its question

	// The owner's.
	said       consul.Reading // what Consul was last believed to say of it
	truth      consul.Reading // what of that is selected
	index      uint64         // of that answer
	filtered   bool           // policies hid a part of that answer
	begun      time.Time
	looked     bool // it is being looked at
	listed     bool
	read       bool
	confirming bool
	readings   int
	started    bool
	changed    time.Time     // when it last changed
	place      *list.Element // among those with a blocking query

	// The rotation's, under its lock.
	direct bool // has, or is to have, a blocking query of its own
	inRing bool
	busy   bool // is being read in its turn
	urgent bool // a signal has named it
	gone   bool // is no longer followed
}

// loop names it where failures are counted.
func (f *followed) loop() string { return "service/" + f.key.Name }

// A service that changes all the time is read at once for the first burstFirst changes, and then
// burstRate times a second: what came between is seen together.
const (
	burstFirst = 4
	burstRate  = 20
)

// follow reads f for the first time, and then for as long as it has a blocking query.
func (w *Watcher) follow(f *followed) {
	pause, restless := w.backoff(), w.backoff()
	burst := rate.NewLimiter(burstRate, burstFirst)
	for f.ctx.Err() == nil {
		got, again, err := w.nextOf(f, true)
		if f.ctx.Err() != nil {
			return
		}
		if err != nil {
			if !again {
				w.failed(f.loop(), f, err)
				w.restAfter(f.ctx, err, &pause)
			}
			continue
		}
		w.report(f, got)
		if !w.rotation.settle(f) {
			return // read in its turn from now on
		}
		pause.reset()
		w.opening.await(f.ctx)
		if !got.idle && f.query.doubts < 2 {
			restless.reset()
			if got.changed {
				_ = burst.Wait(f.ctx) // fails only if f.ctx ends
			}
			continue
		}
		// Consul, or something in front of it, does not wait, or goes back and forth: it is polled.
		restless.max = min(w.cfg.BackoffMax, w.polled())
		w.rest(f.ctx, &restless)
	}
}

// A Consul that has to be polled is asked for a service every other second; where there are many
// services less often, so that it is not asked more than so many times a second in all.
const (
	pollEvery = 2 * time.Second
	pollRate  = 100
)

// polled is the longest pause between two questions about a service where blocking queries come
// back at once. Its mean is half of it.
func (w *Watcher) polled() time.Duration {
	return max(pollEvery, 2*time.Second*time.Duration(w.watches())/pollRate)
}

// nextOf asks f's question once. It is again true if the question was interrupted, to be asked
// from the start.
func (w *Watcher) nextOf(f *followed, block bool) (got found[consul.Reading], again bool, err error) {
	asking, over, end := f.afresh.begin(f.ctx)
	defer end()
	if over {
		f.query.index = 0
	}
	got, err = w.ask(asking, f.key, f.query, block, f.alone)
	f.alone = f.alone || errors.As(err, &refusedAlone{})
	return got, err != nil && interrupted(asking), err
}

// report hands a believed answer to the owner if there is something new in it, or that there is one.
func (w *Watcher) report(f *followed, got found[consul.Reading]) {
	w.trouble.answered(f.loop(), time.Now())
	w.hidden.note(f.loop(), got.reply.Filtered, time.Now())
	if got.changed || f.alone {
		f.alone = false
		w.tell(f.ctx, readAs{f: f, reading: got.value, reply: got.reply, doubt: got.doubt != ""})
	}
}

// confirm asks once more, consistently, whether a service that is no longer listed has
// instances, until there is an answer.
func (w *Watcher) confirm(f *followed, q *query[consul.Reading], readings int) {
	loop := "confirm/" + f.key.Name
	defer func() { w.trouble.forget(loop, time.Now()) }()
	for pause := w.backoff(); f.ctx.Err() == nil; {
		got, err := w.ask(f.ctx, f.key, q, false, false)
		if err == nil {
			w.trouble.answered(loop, time.Now())
			w.tell(f.ctx, confirmed{f: f, readings: readings, reading: got.value, reply: got.reply, doubt: got.doubt != ""})
			return
		}
		if f.ctx.Err() == nil {
			w.failed(loop, f, err)
			w.restAfter(f.ctx, err, &pause)
		}
	}
}

// tell hands an event to the owner, unless ctx ends first.
func (w *Watcher) tell(ctx context.Context, e event) {
	select {
	case w.events <- e:
	case <-ctx.Done():
	}
}
