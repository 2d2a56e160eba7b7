package admission

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// An address stays while anything of it is open, or held, or while it has a penalty, or a rate that is not whole.
func TestAnAddressStaysWhileAnythingOfItIsLeft(t *testing.T) {
	ctx := t.Context()
	later := func() time.Time { return time.Now().Add(time.Hour) }
	for name, keep := range map[string]func(t *testing.T, w *world, a *Address) (release func()){
		"a connection": func(_ *testing.T, w *world, _ *Address) func() {
			c := w.connects("10.0.0.1")
			return func() { _ = c.Close() }
		},
		"a stream whose connection is gone": func(t *testing.T, w *world, _ *Address) func() {
			c := w.connects("10.0.0.1")
			s := w.stream(ctx, c)
			if err := s.Admit(ctx); err != nil {
				t.Fatal(err)
			}
			_ = c.Close()
			return s.Release
		},
		"memory": func(_ *testing.T, w *world, a *Address) func() {
			w.budget.Force(a.Share(), HeldNames, 1)
			return func() { w.budget.Give(a.Share(), HeldNames, 1) }
		},
		"a penalty": func(_ *testing.T, w *world, a *Address) func() {
			a.penalty = &penalty{last: later()}
			return func() { a.penalty.last = time.Now().Add(-time.Hour) }
		},
		"a rate": func(_ *testing.T, w *world, a *Address) func() {
			a.probes.ReserveN(later(), 1)
			return func() { a.probes.SetBurst(0) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.mu.Lock()
			a := w.address("10.0.0.1")
			w.mu.Unlock()
			release := keep(t, w, a)
			if w.forget(later()); w.Usage().Addresses != 1 {
				t.Error("it is forgotten")
			}
			release()
			if w.forget(later()); w.Usage().Addresses != 0 {
				t.Error("it stays")
			}
		})
	}
}

func TestRunClosesPenaltyQueuesAndEndsPenalties(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.RefusedStreams, l.Returns, l.NewStreamWait = 1, 1, 5*time.Second })
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.Run(ctx); close(ended) }()
		bad := w.connects("10.0.0.1")
		for range 2 {
			w.refused(t.Context(), bad)
		}
		w.connects("10.0.0.1") // with the one token that there is
		_, client, queued, _ := w.dial("10.0.0.1")
		if !queued {
			t.Fatal("it is not in the queue")
		}
		time.Sleep(w.limits.NewStreamWait - time.Second)
		if gone(client) {
			t.Error("closed too early")
		}
		time.Sleep(2 * time.Second)
		if !gone(client) {
			t.Error("not closed")
		}
		time.Sleep(penaltyTime - 10*time.Second)
		if _, _, queued, _ = w.dial("10.0.0.1"); queued {
			t.Error("one is admitted each second")
		}
		if _, client, queued, _ = w.dial("10.0.0.1"); !queued {
			t.Error("the penalty has ended too early")
		}
		stop() // which closes the queue
		<-ended
		if !gone(client) {
			t.Error("not closed at the end")
		}
		if n := w.Usage().Connections; n != 2 || w.open != n {
			t.Errorf("%d connections are counted, %d are told", n, w.open)
		}
	})
}
