package parts

import (
	"os/exec"
	"syscall"
)

// tie makes the child a process group of its own, so that a Ctrl-C on the terminal reaches only
// us, and has the kernel kill it when the thread that starts it ends: see runLocked.
func tie(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
