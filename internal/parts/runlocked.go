package parts

import (
	"os/exec"
	"runtime"
)

// runLocked starts the command, says so, and waits for it on one thread that lives as long as
// the child: Linux sends the parent-death signal when the starting thread ends, not the process.
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

// RunTied runs the command to its end as a child that ends with us, with all of its own children. The
// command is one of a context.
func RunTied(cmd *exec.Cmd) error {
	tie(cmd)
	return runLocked(cmd, make(chan error, 1))
}
