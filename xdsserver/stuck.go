package xdsserver

import (
	"errors"
	"os"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"legate/xdsserver/admission"
)

// If a client does not read, the socket's buffers fill up, and a write blocks. A write is stuck if it blocks and the
// client acknowledges nothing of what was written before, either. A slow client is not stuck: the system tells how many
// bytes are still unacknowledged.

const (
	takesNothing = "the client took in nothing for too long; connect again"
	remedyStuck  = "look whether that client hangs, or its network"
)

// errStuck is how the streams of a connection end that was closed because it was stuck.
var errStuck = status.Error(codes.Unavailable, takesNothing)

// isStuck reports whether a stream ended because its client took in nothing.
func isStuck(err error) bool {
	e := new(admission.Error)
	return errors.As(err, &e) && e.Limit == admission.LimitStuckSend
}

// looks is how often a write that waits is looked at within the time that it may be stuck.
const looks = 4

// Write waits for the connection's admission, and then for its client until the connection is stuck.
func (c *connection) Write(b []byte) (int, error) {
	c.turn()
	c.writing.Store(true)
	defer c.writing.Store(false)
	limit := c.within.limits.StuckSend
	step := limit / looks
	if now := time.Now(); now.UnixNano() > c.lookFrom.Load() { // that costs something, so not each time
		c.lookFrom.Store(now.Add(step).UnixNano())
		c.lookAt(now.Add(2 * step))
	}
	var moved time.Time // when something arrived last, as far as it was looked at
	unsent := -1
	for sent := 0; ; {
		n, err := c.Conn.Write(b[sent:])
		sent += n
		now := time.Now()
		if !errors.Is(err, os.ErrDeadlineExceeded) || c.isOver(now) {
			return sent, err
		}
		left, known := unacknowledged(c.Conn)
		if n > 0 || moved.IsZero() || (known && left != unsent) {
			moved = now
		}
		if now.Sub(moved) >= limit {
			c.closeStuck()
			return sent, err
		}
		unsent = left
		c.lookAt(now.Add(step))
	}
}

// closeStuck ends a connection whose client takes in nothing.
func (c *connection) closeStuck() {
	c.stuck.Store(true)
	c.within.refusals.Of(admission.Refuse(admission.LimitStuckSend, codes.Unavailable, 0, remedyStuck, "the client takes in nothing; its connection is closed"), c.RemoteAddr().String())
	_ = c.Close() // it is of no use any more
}

// isWriting reports whether a write is under way, which may wait for the client.
func (c *connection) isWriting() bool { return c.writing.Load() }

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (c *connection) SetDeadline(at time.Time) error {
	return errors.Join(c.SetReadDeadline(at), c.SetWriteDeadline(at))
}

// SetWriteDeadline is for others than Write, which looks at what is written earlier than that.
func (c *connection) SetWriteDeadline(at time.Time) error {
	over := int64(0)
	if !at.IsZero() {
		over = at.UnixNano()
	}
	c.over.Store(over)
	c.lookFrom.Store(0)
	return c.Conn.SetWriteDeadline(at)
}

// isOver reports whether the deadline of others has passed.
func (c *connection) isOver(now time.Time) bool {
	over := c.over.Load()
	return over != 0 && now.UnixNano() >= over
}

// lookAt has a write that still waits at a time return.
func (c *connection) lookAt(at time.Time) {
	if over := c.over.Load(); over != 0 && over < at.UnixNano() {
		at = time.Unix(0, over)
	}
	_ = c.Conn.SetWriteDeadline(at) // it fails on a closed connection, as the write will
}
