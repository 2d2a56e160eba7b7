package admission

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// unacknowledged is how many bytes were written to a connection that did not arrive yet, as far as
// the system knows, and whether it knows.
func unacknowledged(conn net.Conn) (bytes int, known bool) {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return 0, false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(fd uintptr) {
		n, err := unix.IoctlGetInt(int(fd), unix.TIOCOUTQ)
		bytes, known = n, err == nil
	})
	return bytes, known && err == nil
}
