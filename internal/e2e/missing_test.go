package e2e_test

import (
	"os"
	"testing"
)

// missing skips a test for want of a program of the system. With CI=true that is a failure.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("this machine lacks %s", what)
	}
	t.Skipf("this machine lacks %s", what)
}
