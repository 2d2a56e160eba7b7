package parts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// Command says what to start. It writes to Log, which is appended to.
type Command struct {
	Name string // for errors
	Path string
	Args []string
	Env  []string // nil: this process's
	Dir  string
	Log  string
	Edit func(*exec.Cmd) // what else is special; nil: nothing
}

// Process is a child that ends with us.
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
	defer log.Close() // the child has its own
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

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the process ended: nil for exit code 0. It waits for the end.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log is the file that the process writes to.
func (p *Process) Log() string { return p.log }

// Stop asks the process to end, kills it if it has not within the grace time, and waits until
// it is gone. Only a process that had to be killed is an error.
func (p *Process) Stop(grace time.Duration) error {
	if err := p.Terminate(); err != nil {
		return err
	}
	if err := p.Continue(); err != nil { // a frozen process does not hear
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

// signal sends to the process itself; one that has ended already is no error.
func (p *Process) signal(s os.Signal) error {
	err := p.cmd.Process.Signal(s)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
