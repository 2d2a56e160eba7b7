package admission

import (
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// gone reports whether the server has closed a connection. It waits for that in a bubble.
func gone(client net.Conn) bool {
	_ = client.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := client.Read(make([]byte, 1))
	timeout, is := err.(net.Error)
	return err != nil && !(is && timeout.Timeout())
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
	})
}
