package pinned

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
)

// BuildLegate builds Legate as it is shipped, with these flags of go build: without cgo, so that it
// needs nothing from its machine, not even a C library. Only the race detector needs cgo.
func BuildLegate(ctx context.Context, to string, flags ...string) error {
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"build"}, flags...), "-o", to, "legate")...)
	if !slices.Contains(flags, "-race") {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build legate: %w\n%s", err, said)
	}
	return nil
}
