package admission

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAConnectionIsServedWhenItIsAdmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c, client, _, err := w.dial("10.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		c.wait = time.Second / 2
		start := time.Now()
		go func() { _, _ = client.Write([]byte("hello")) }()
		for _, want := range []int{1, 4} {
			if n, err := c.Read(make([]byte, want)); n != want || err != nil || time.Since(start) != c.wait {
				t.Errorf("%d bytes after %v: %v", n, time.Since(start), err)
			}
		}
		if c, client, _, _ = w.dial("10.0.0.1"); c == nil {
			t.Fatal("it is not admitted")
		}
		c.wait = time.Second
		go func() { _, _ = client.Read(make([]byte, 1)) }()
		if took, err := write(c, 1); took != c.wait || err != nil {
			t.Errorf("written after %v: %v", took, err)
		}
		if c.NetConn() == nil || AddressOf(c).String() != "10.0.0.1" || c.RemoteAddr().String() != "10.0.0.1:1" {
			t.Errorf("%v of %v", c.RemoteAddr(), AddressOf(c))
		}
	})
}

func TestAWaitForAdmissionEndsWithTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newWorld(t).connects("10.0.0.1")
		c.wait = time.Hour
		start := time.Now()
		time.AfterFunc(time.Second, func() { _ = c.Close() })
		if _, err := c.Read(make([]byte, 1)); err == nil || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// write writes so many bytes, and says how long that took.
func write(c net.Conn, bytes int) (time.Duration, error) {
	start := time.Now()
	_, err := c.Write(make([]byte, bytes))
	return time.Since(start), err
}

func TestAWriteOfWhichTheClientReadsNothingEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.StuckSend = 4 * time.Second })
		c := w.connects("10.0.0.1")
		s := w.stream(t.Context(), c)
		time.AfterFunc(time.Second, func() {
			if !s.IsWriting() || s.IsStuck() {
				t.Error("it is not known that something is written, or too much")
			}
		})
		took, err := write(c, 100)
		if err == nil || took < w.limits.StuckSend || took > 2*w.limits.StuckSend {
			t.Errorf("%v after %v", err, took)
		}
		if !s.IsStuck() || s.IsWriting() || w.met(LimitStuckSend) != 1 || w.Usage().Connections != 0 {
			t.Errorf("stuck: %t, counted %d, %+v", s.IsStuck(), w.met(LimitStuckSend), w.Usage())
		}
	})
}

func TestAWriteToASlowClientGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.StuckSend = 4 * time.Second })
		c, client, _, err := w.dial("10.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for range 10 {
				time.Sleep(w.limits.StuckSend / 2)
				_, _ = client.Read(make([]byte, 10))
			}
		}()
		if took, err := write(c, 100); err != nil || took != 5*w.limits.StuckSend || w.met(LimitStuckSend) != 0 {
			t.Errorf("%v after %v, counted %d", err, took, w.met(LimitStuckSend))
		}
	})
}

func TestTheDeadlineOfOthersHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.StuckSend = 4 * time.Second })
		for i, at := range []time.Duration{time.Second / 2, 3 * time.Second} {
			c := w.connects("10.0.0.1")
			if err := c.SetDeadline(time.Now().Add(at)); err != nil {
				t.Fatal(err)
			}
			if took, err := write(c, 100); !errors.Is(err, os.ErrDeadlineExceeded) || took != at {
				t.Errorf("%v after %v, want a deadline after %v", err, took, at)
			}
			if c.stuck.Load() || w.met(LimitStuckSend) != uint64(i) {
				t.Error("it counts as stuck")
			}
			if err := c.SetDeadline(time.Time{}); err != nil {
				t.Fatal(err)
			}
			if took, _ := write(c, 100); took < w.limits.StuckSend {
				t.Errorf("without a deadline it ended after %v", took)
			}
			if !c.stuck.Load() {
				t.Error("it does not count as stuck")
			}
		}
	})
}

// A stream that ended because its client took in nothing has its connection closed, unless others are served on it.
func TestTheConnectionOfAStuckStreamIsClosedWithItsLastStream(t *testing.T) {
	w := newWorld(t)
	c := w.connects("10.0.0.1")
	var open []*Stream
	for range 2 {
		s := w.stream(t.Context(), c)
		if err := s.Admit(t.Context()); err != nil {
			t.Fatal(err)
		}
		open = append(open, s)
	}
	for i, s := range open {
		if isClosed(c) {
			t.Errorf("closed after %d streams", i)
		}
		s.Release()
		if err := s.End(t.Context(), Stuck()); err == nil || !strings.Contains(err.Error(), "connect again") {
			t.Error(err)
		}
	}
	if !isClosed(c) || w.met(LimitStuckSend) != 2 {
		t.Errorf("closed: %t, counted %d", isClosed(c), w.met(LimitStuckSend))
	}
}
