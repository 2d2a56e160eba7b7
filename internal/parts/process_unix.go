//go:build unix

package parts

import "syscall"

// Terminate asks the process to end.
func (p *Process) Terminate() error { return p.signal(syscall.SIGTERM) }

// Kill ends the process like a crash, and waits until it is gone.
func (p *Process) Kill() error {
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// Pause freezes the process, with a short delay: its connections stay open but nothing answers.
func (p *Process) Pause() error { return p.signal(syscall.SIGSTOP) }

// Continue ends a Pause.
func (p *Process) Continue() error { return p.signal(syscall.SIGCONT) }
