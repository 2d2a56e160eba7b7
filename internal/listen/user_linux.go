package listen

import (
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// User says which user and process opened a connection over a unix socket, as the kernel knows it; empty: it is not
// known, or no such connection.
func User(c net.Conn) string {
	if c.LocalAddr().Network() != "unix" {
		return ""
	}
	has, is := c.(syscall.Conn)
	if !is {
		return ""
	}
	raw, err := has.SyscallConn()
	if err != nil {
		return ""
	}
	said := ""
	_ = raw.Control(func(fd uintptr) { // it fails only if the connection is closed
		if who, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			said = fmt.Sprintf("uid %d, pid %d", who.Uid, who.Pid)
		}
	})
	return said
}
