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
	last    atomic.Int64 // last read or write, as time since the listener started
	asked   atomic.Bool  // a request was read and is not answered yet
	closing sync.Once
	closed  chan struct{} // closed when the server closes the connection
}

// answerWithin is how long a connection that awaits an answer counts as busy. A client that goes
// silent in the middle of a request or of an answer is idle after that.
const answerWithin = 10 * time.Second

func (v *visit) touch(asked bool) {
	v.last.Store(int64(time.Since(v.within.began)))
	v.asked.Store(asked)
}

// idle reports whether the connection may be displaced.
func (v *visit) idle(now time.Duration) bool {
	return !v.asked.Load() || now-time.Duration(v.last.Load()) > answerWithin
}

// Read counts as a request.
func (v *visit) Read(b []byte) (int, error) {
	n, err := v.Conn.Read(b)
	if n > 0 {
		v.touch(true)
	}
	return n, err
}

// Write counts as an answer once it returns.
func (v *visit) Write(b []byte) (int, error) {
	v.touch(true)
	n, err := v.Conn.Write(b)
	v.touch(false)
	return n, err
}

// Close removes the connection.
func (v *visit) Close() error {
	v.within.mu.Lock()
	v.within.remove(v)
	v.within.mu.Unlock()
	err := v.Conn.Close()
	v.closing.Do(func() { close(v.closed) })
	return err
}

// letGo is how long the server may take to close a displaced connection.
const letGo = 50 * time.Millisecond

// displace closes the connection for a new one. The server notices with its next read. It may count
// connections too, so the new one waits until the server has closed the old one.
func (v *visit) displace() {
	_ = v.Conn.Close() // the server gets the error
	late := time.NewTimer(letGo)
	defer late.Stop()
	select {
	case <-v.closed:
	case <-late.C:
	}
}

// NetConn returns the wrapped connection.
func (v *visit) NetConn() net.Conn { return v.Conn }

// SyscallConn gives access to the wrapped connection's file descriptor.
func (v *visit) SyscallConn() (syscall.RawConn, error) {
	if c, ok := v.Conn.(syscall.Conn); ok {
		return c.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}
