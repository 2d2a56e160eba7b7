package listen

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// visit is a connection of a bounded listener.
type visit struct {
	net.Conn
	within  *bounded
	address string
	near    bool
	last    atomic.Int64 // when something was read or written last, since the listener began
	asked   atomic.Bool  // something was read, and not answered yet
	closing sync.Once
	closed  chan struct{} // by who serves it
}

// answerWithin is how long a client may await an answer and count as busy. One that asked something
// and then falls silent, in the middle of its question or of its answer, is idle after that.
const answerWithin = 10 * time.Second

func (v *visit) touch(asked bool) {
	v.last.Store(int64(time.Since(v.within.began)))
	v.asked.Store(asked)
}

// idle reports whether the connection can go.
func (v *visit) idle(now time.Duration) bool {
	return !v.asked.Load() || now-time.Duration(v.last.Load()) > answerWithin
}

// Read counts as a question.
func (v *visit) Read(b []byte) (int, error) {
	n, err := v.Conn.Read(b)
	if n > 0 {
		v.touch(true)
	}
	return n, err
}

// Write counts as its answer, when it is done.
func (v *visit) Write(b []byte) (int, error) {
	v.touch(true)
	n, err := v.Conn.Write(b)
	v.touch(false)
	return n, err
}

// Close counts the connection out.
func (v *visit) Close() error {
	v.within.mu.Lock()
	v.within.remove(v)
	v.within.mu.Unlock()
	err := v.Conn.Close()
	v.closing.Do(func() { close(v.closed) })
	return err
}

// letGo is how long a connection that was displaced may take to be let go of by who serves it.
const letGo = 50 * time.Millisecond

// displace ends the connection for a new one. Who serves it hears of that with its next read, and may
// count connections, too: the new one comes after it has let go.
func (v *visit) displace() {
	_ = v.Conn.Close() // nobody waits for it
	late := time.NewTimer(letGo)
	defer late.Stop()
	select {
	case <-v.closed:
	case <-late.C:
	}
}

// NetConn is the connection beneath.
func (v *visit) NetConn() net.Conn { return v.Conn }

// SyscallConn is that of the connection beneath, for who asks the system about it.
func (v *visit) SyscallConn() (syscall.RawConn, error) {
	if c, ok := v.Conn.(syscall.Conn); ok {
		return c.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}
