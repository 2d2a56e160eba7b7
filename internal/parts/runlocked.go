package parts

import (
	"os/exec"
	"runtime"
)

// runLocked starts the command, reports that, and waits for its end, all on one locked thread:
// Linux sends the parent-death signal when the thread that started the child ends, not when the
// process does.
func runLocked(cmd *exec.Cmd, started chan<- error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	started <- err
	if err != nil {
		return err
	}
	return cmd.Wait()
}

// RunTied runs the command to its end. The command and all its children end with this process. It
// must have been made with a context.
func RunTied(cmd *exec.Cmd) error {
	tie(cmd)
	return runLocked(cmd, make(chan error, 1))
}
