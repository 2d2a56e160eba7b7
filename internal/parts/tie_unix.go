//go:build unix && !linux

package parts

import (
	"os/exec"
	"syscall"
)

// tie gives the child a process group of its own, so that a Ctrl-C on the terminal reaches only
// this process. This system cannot kill it with its parent.
func tie(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
