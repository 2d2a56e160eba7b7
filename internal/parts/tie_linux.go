package parts

import (
	"os/exec"
	"syscall"
)

// tie gives the child a process group of its own, so that a Ctrl-C on the terminal reaches only
// this process, and makes the kernel kill it when the thread that started it ends: see runLocked.
func tie(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
