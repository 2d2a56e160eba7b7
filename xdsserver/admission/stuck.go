package admission

import (
	"errors"
	"os"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// If a client does not read, the socket's buffers fill up, and a write blocks. A write is stuck if it blocks and the
// client acknowledges nothing of what was written before, either. A slow client is not stuck: the system tells how many
// bytes are still unacknowledged.

const (
	takesNothing = "the client took in nothing for too long; connect again"
	remedyStuck  = "look whether that client hangs, or its network"
)

// ErrStuck is how the streams of a connection end that was closed because it was stuck. It is no limit error: the
// connection was counted.
var ErrStuck = status.Error(codes.Unavailable, takesNothing)

// Stuck returns the limit error for a client that takes in nothing of one stream, or of one answer.
func Stuck() *Error { return Refuse(LimitStuckSend, codes.Unavailable, 0, remedyStuck, takesNothing) }

// isStuck reports whether a stream ended because its client took in nothing.
func isStuck(err error) bool {
	e := new(Error)
	return errors.As(err, &e) && e.Limit == LimitStuckSend
}

// checks is how often a write that waits is looked at within the time that it may be stuck.
const checks = 4

// Write waits for the connection's admission, and then for its client until the connection is stuck.
func (c *connection) Write(b []byte) (int, error) {
	c.awaitAdmission()
	c.writing.Store(true)
	defer c.writing.Store(false)
	limit := c.limiter.limits.StuckSend
	step := limit / checks
	if now := time.Now(); now.UnixNano() > c.checkFrom.Load() { // that costs something, so not each time
		c.checkFrom.Store(now.Add(step).UnixNano())
		c.checkAt(now.Add(2 * step))
	}
	var moved time.Time // when something arrived last, as far as it was looked at
	unsent := -1
	for sent := 0; ; {
		n, err := c.Conn.Write(b[sent:])
		sent += n
		now := time.Now()
		if !errors.Is(err, os.ErrDeadlineExceeded) || c.isPastDeadline(now) {
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
		c.checkAt(now.Add(step))
	}
}

// closeStuck ends a connection whose client takes in nothing.
func (c *connection) closeStuck() {
	c.stuck.Store(true)
	c.limiter.refusals.Of(Refuse(LimitStuckSend, codes.Unavailable, 0, remedyStuck, "the client takes in nothing; its connection is closed"), c.RemoteAddr().String())
	_ = c.Close() // it is of no use any more
}

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (c *connection) SetDeadline(at time.Time) error {
	return errors.Join(c.SetReadDeadline(at), c.SetWriteDeadline(at))
}

// SetWriteDeadline is for others than Write, which looks at what is written earlier than that.
func (c *connection) SetWriteDeadline(at time.Time) error {
	deadline := int64(0)
	if !at.IsZero() {
		deadline = at.UnixNano()
	}
	c.deadline.Store(deadline)
	c.checkFrom.Store(0)
	return c.Conn.SetWriteDeadline(at)
}

// isPastDeadline reports whether the deadline of others has passed.
func (c *connection) isPastDeadline(now time.Time) bool {
	deadline := c.deadline.Load()
	return deadline != 0 && now.UnixNano() >= deadline
}

// checkAt has a write that still waits at a time return.
func (c *connection) checkAt(at time.Time) {
	if deadline := c.deadline.Load(); deadline != 0 && deadline < at.UnixNano() {
		at = time.Unix(0, deadline)
	}
	_ = c.Conn.SetWriteDeadline(at) // it fails on a closed connection, as the write will
}
