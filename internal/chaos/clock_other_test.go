//go:build !linux || !amd64

package chaos_test

import "errors"

var errOwnClock = errors.New("a program gets a clock of its own only on linux/amd64")

func withOwnClock(string, string, []string) error { return errOwnClock }

func keepClock(string, string) error { return errOwnClock }
