//go:build !linux

package e2e_test

import "testing"

// watchConnections cannot see another process's connections on this system, and says so.
func watchConnections(t testing.TB, _ int, _ string) (most func() int) {
	t.Log("connections are not counted: that takes Linux's /proc")
	return func() int { return 0 }
}
