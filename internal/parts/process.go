package parts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// Command says what to start. Its output is appended to Log.
type Command struct {
	Name string // for errors
	Path string
	Args []string
	Env  []string // nil: this process's
	Dir  string
	Log  string
	Edit func(*exec.Cmd) // last changes to the command; nil: none
}

// Process is a child process that ends with this process.
type Process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // how it ended, once done is closed
}

// Start starts a child process.
func Start(c Command) (*Process, error) {
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has a copy
	cmd := exec.CommandContext(context.Background(), c.Path, c.Args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = c.Env, c.Dir, log, log
	tie(cmd)
	if c.Edit != nil {
		c.Edit(cmd)
	}
	p := &Process{name: c.Name, log: c.Log, cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		defer close(p.done)
		p.err = runLocked(cmd, started)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %q: %w", c.Name, err)
	}
	return p, nil
}

// Done returns a channel that is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err waits for the end of the process and returns how it ended: nil for exit code 0.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log returns the path of the log file.
func (p *Process) Log() string { return p.log }

// Stop asks the process to end, kills it after the grace time, and waits until it is gone. It is an
// error if the process had to be killed.
func (p *Process) Stop(grace time.Duration) error {
	if err := p.Terminate(); err != nil {
		return err
	}
	if err := p.Continue(); err != nil { // a frozen process does not handle signals
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(grace):
	}
	if err := p.Kill(); err != nil {
		return err
	}
	return fmt.Errorf("stop %q: still running %v after SIGTERM, killed", p.name, grace)
}

// signal sends a signal to the process. It is no error if the process has ended.
func (p *Process) signal(s os.Signal) error {
	err := p.cmd.Process.Signal(s)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
