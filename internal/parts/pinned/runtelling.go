package pinned

import (
	"context"
	"os/exec"
	"time"

	"legate/internal/parts"
)

// tellEvery is the interval of progress reports.
const tellEvery = 5 * time.Second

// runTelling runs the command to its end, and meanwhile calls tell with the time so far, in whole
// seconds. The command must have been made with ctx, which ends it with all its children.
func runTelling(ctx context.Context, cmd *exec.Cmd, tell func(elapsed time.Duration)) error {
	done := make(chan error, 1)
	go func() { done <- parts.RunTied(cmd) }()
	began := time.Now()
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			tell(time.Since(began).Round(time.Second))
		case err := <-done:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
	}
}
