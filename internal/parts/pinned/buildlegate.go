package pinned

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
)

// BuildLegate builds Legate's program, with these flags of go build, as it is shipped: without
// cgo, so that it needs nothing of the machine that it runs on, a C library least of all. The race
// detector alone cannot do without cgo.
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
