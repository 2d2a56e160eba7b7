//go:build unix

package cli

import "syscall"

// fileLimit is how many files may be open. Go has raised the soft limit to the hard one already.
func fileLimit() (uint64, error) {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return uint64(limit.Cur), err //nolint:unconvert // it is signed on some systems
}
