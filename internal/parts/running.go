package parts

import "time"

// running holds the process of a program that can be started again.
type running struct{ process *Process }

// Kill ends the program like a crash, and waits until it is gone.
func (r *running) Kill() error { return r.process.Kill() }

// Pause freezes the program: its connections stay open but nothing answers.
func (r *running) Pause() error { return r.process.Pause() }

// Continue ends a Pause.
func (r *running) Continue() error { return r.process.Continue() }

// Done returns a channel that is closed when the last started process has ended.
func (r *running) Done() <-chan struct{} { return r.process.Done() }

// PID returns the id of the last started process.
func (r *running) PID() int { return r.process.PID() }

// stopGrace is how long a program may take to end by itself.
const stopGrace = 10 * time.Second

// Stop ends the program and waits until it is gone. Its files stay.
func (r *running) Stop() error { return r.process.Stop(stopGrace) }

// ended returns how a program ended that should still run.
func (r *running) ended() error { return orEnded(r.process.Err()) }
