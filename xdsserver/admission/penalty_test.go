package admission

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// gone reports whether the server has closed a connection. It waits for that in a bubble.
func gone(client net.Conn) bool {
	_ = client.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := client.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

func TestAPenaltyLimitsNewConnectionsOfAnAddressUntilItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.RefusedStreams, l.Returns, l.NewStreamWait = 3, 4, 2*time.Second })
		bad := w.connects("10.0.0.1")
		for range 3 {
			w.refused(t.Context(), bad)
		}
		if isClosed(bad) {
			t.Fatal("three refusals are allowed")
		}
		w.refused(t.Context(), bad)
		if !isClosed(bad) || w.met(LimitRefusedStreams) != 1 {
			t.Fatal("it is not closed, or not counted")
		}

		// Four are admitted at once, then one each quarter of a second, up to half a second later.
		var waits []time.Duration
		for range 6 {
			waits = append(waits, w.connects("10.0.0.1").wait)
		}
		if waits[3] != 0 || waits[4] != time.Second/4 || waits[5] != time.Second/2 {
			t.Errorf("they wait for %v", waits)
		}
		if other := w.connects("10.0.0.2"); other.wait != 0 {
			t.Errorf("another address waits for %v", other.wait)
		}
		c, client, queued, err := w.dial("10.0.0.1")
		if w.meets(err, LimitReturns); c != nil || !queued || gone(client) {
			t.Fatalf("not in the queue: %v %v", c, queued)
		}
		w.forget(time.Now().Add(w.limits.NewStreamWait - time.Second))
		if gone(client) {
			t.Error("closed too early")
		}
		w.forget(time.Now().Add(w.limits.NewStreamWait + time.Second))
		if !gone(client) {
			t.Error("not closed")
		}

		time.Sleep(penaltyTime + time.Second)
		w.forget(time.Now())
		for range 20 {
			if wait := w.connects("10.0.0.1").wait; wait != 0 {
				t.Errorf("it waits for %v after the penalty", wait)
			}
		}
	})
}

func TestAPenaltyQueueIsBoundedAndItsOldestConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.RefusedStreams, l.Returns, l.NewStreamWait = 1, 1, time.Minute })
		bad := w.connects("10.0.0.1")
		for range 2 {
			w.refused(t.Context(), bad)
		}
		_ = w.connects("10.0.0.1")
		var clients []net.Conn
		for range maxQueued + 1 {
			_, client, queued, _ := w.dial("10.0.0.1")
			if !queued {
				t.Fatal("it is not in the queue")
			}
			clients = append(clients, client)
		}
		if !gone(clients[0]) || gone(clients[1]) || gone(clients[maxQueued]) {
			t.Error("the oldest should be closed, and no other")
		}
		if n := w.Usage().Connections; n != maxQueued+1 || w.open != n {
			t.Errorf("%d connections are counted, %d are told", n, w.open)
		}
		time.Sleep(time.Second)
		if c := w.connects("10.0.0.1"); c.wait != 0 {
			t.Errorf("one that is admitted waits for %v, for those that were not", c.wait)
		}
	})
}

// served is a connection with a stream on it that is served.
func (w *world) served(ip string) *connection {
	w.t.Helper()
	c := w.connects(ip)
	if err := w.stream(w.t.Context(), c).Admit(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return c
}

func TestRefusalsOnAConnectionThatServesSomebodyAreDelayedInstead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.RefusedStreams, l.StreamsPerAddress = 2, 1 })
		c := w.served("10.0.0.1")
		start := time.Now()
		wait := w.limits.NewStreamWait
		for i, want := range []time.Duration{0, 0, wait, wait, wait, 2 * wait} { // two are allowed in each
			if w.refused(t.Context(), c); time.Since(start) != want {
				t.Errorf("refusal %d reaches its client after %v, want %v", i, time.Since(start), want)
			}
		}
		if isClosed(c) || w.met(LimitRefusedStreams) != 2 || w.budget.Held("requests") != 0 {
			t.Errorf("closed: %t, counted %d, %d bytes are held", isClosed(c), w.met(LimitRefusedStreams), w.budget.Held("requests"))
		}
	})
}

func TestAConnectionIsClosedIfItsClientResetsStreamsInsteadOfWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.RefusedStreams = 2 })
		c := w.served("10.0.0.1")
		reset, leave := context.WithCancel(t.Context())
		leave()
		for i := range 5 { // two at once, two that are reset, one too many
			if isClosed(c) {
				t.Fatalf("closed after %d refusals", i)
			}
			w.refused(reset, c)
		}
		if !isClosed(c) {
			t.Error("it is open")
		}
		w.refused(reset, c) // which does no harm
		if n := w.Usage().Connections; n != 0 {
			t.Errorf("%d connections", n)
		}
	})
}

// Each refusal that is delayed takes memory, of the address and for at most as many as it may have streams.
func TestNoMoreRefusalsAreDelayedThanAnAddressMayHaveStreams(t *testing.T) {
	for name, set := range map[string]func(*Limits){
		"streams": func(l *Limits) { l.StreamsPerAddress = 3 },
		"memory":  func(l *Limits) { l.MemoryBytes = 2 * (ConnectionBytes + StreamBytes + 3*(StreamBytes+StreamWindow)) },
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, func(l *Limits) { l.RefusedStreams = 1 }, set)
			c := w.served("10.0.0.1")
			w.refused(t.Context(), c)
			var late sync.WaitGroup
			for range 3 {
				late.Go(func() { w.refused(t.Context(), c) })
			}
			synctest.Wait()
			if held := w.budget.Held("requests"); held != 3*(StreamBytes+StreamWindow) || isClosed(c) {
				t.Errorf("%s: %d bytes are held, closed: %t", name, held, isClosed(c))
			}
			if w.refused(t.Context(), c); !isClosed(c) {
				t.Errorf("%s: it is open", name)
			}
			late.Wait()
			if held := w.budget.Held("requests"); held != 0 {
				t.Errorf("%s: %d bytes are left", name, held)
			}
		})
	}
}

// Who has a new connection for each stream that is refused has no more refusals without a delay.
func TestRefusalsOfAnAddressAreDelayedWhenThereAreTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.RefusedStreams = 1 })
		start := time.Now()
		refused := func(ip string) time.Duration {
			w.refused(t.Context(), w.connects(ip))
			return time.Since(start)
		}
		for range addressRefused {
			if took := refused("10.0.0.1"); took != 0 {
				t.Errorf("it took %v", took)
			}
		}
		if took := refused("10.0.0.1"); took != w.limits.NewStreamWait {
			t.Errorf("it took %v", took)
		}
		start = time.Now()
		if took := refused("10.0.0.2"); took != 0 {
			t.Errorf("another address: %v", took)
		}
		if n := w.Usage().Connections; n != addressRefused+2 || w.met(LimitRefusedStreams) != 1 {
			t.Errorf("%d are open, counted %d", n, w.met(LimitRefusedStreams))
		}
	})
}
