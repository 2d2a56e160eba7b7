//go:build !linux

package listen

import "net"

// User says which user and process opened a connection over a unix socket; empty: that is not known here.
func User(net.Conn) string { return "" }
