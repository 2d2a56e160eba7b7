package e2e_test

import (
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// watchConnections counts the process's connections to the address until most is called, which
// returns the maximum. It does not rely on what the process reports.
func watchConnections(t testing.TB, pid int, addr string) (most func() int) {
	t.Helper()
	remote := procAddress(t, addr)
	end, ended := make(chan struct{}), make(chan struct{})
	seen := 0
	go func() {
		defer close(ended)
		for {
			seen = max(seen, connections(pid, remote))
			select {
			case <-end:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	stop := sync.OnceFunc(func() { close(end); <-ended })
	t.Cleanup(stop)
	return func() int { stop(); return seen }
}

// procAddress returns an IPv4 address in the form of /proc/net/tcp on a little-endian machine.
func procAddress(t testing.TB, addr string) string {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	ip := a.IP.To4()
	reversed := []byte{ip[3], ip[2], ip[1], ip[0]}
	return fmt.Sprintf("%s:%04X", strings.ToUpper(hex.EncodeToString(reversed)), a.Port)
}

func connections(pid int, remote string) int {
	const remoteColumn, inodeColumn = 2, 9
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return 0
	}
	own := make(map[string]bool)
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "socket:[") {
			own[strings.Trim(to, "socket:[]")] = true
		}
	}
	table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", pid))
	if err != nil {
		return 0
	}
	found := make(map[string]bool) // the kernel may list a connection twice while the table changes
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) > inodeColumn && f[remoteColumn] == remote && own[f[inodeColumn]] {
			found[f[inodeColumn]] = true
		}
	}
	return len(found)
}
