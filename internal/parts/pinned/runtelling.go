package pinned

import (
	"context"
	"os/exec"
	"time"

	"legate/internal/parts"
)

// tellEvery is how often somebody who waits is told how it goes.
const tellEvery = 5 * time.Second

// runTelling runs the command to its end and tells meanwhile how long it has taken, in whole
// seconds. The command is one of ctx, which ends it with all of its children.
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
