package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// order is a command for a server's process on its standard input, and reply the answer on its
// standard output: one JSON value each.
type order struct {
	Do       verb
	Services []int  `json:",omitempty"` // prepare: which services
	Revision int    `json:",omitempty"` // prepare: to which revision
	Collect  bool   `json:",omitempty"` // usage: first collect garbage and return memory to the system
	Quick    bool   `json:",omitempty"` // leave memory out of the reply
	Path     string `json:",omitempty"` // profile: start into this file; empty: stop
}

type verb string

const (
	doPrepare   verb = "prepare"    // make a change ready
	doApply     verb = "apply"      // apply what was prepared
	doUsage     verb = "usage"      // report the usage
	doResetPeak verb = "reset-peak" // reset the peak of memory
	doProfile   verb = "profile"    // write a CPU profile
	doHeap      verb = "heap"       // write a heap profile
)

type reply struct {
	Error   string `json:",omitempty"`
	Address string `json:",omitempty"` // of the server, in the first reply only
	Usage   usage
}

// process is a running contender.
type process struct {
	name    string
	address string
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	out     *json.Decoder
	in      *json.Encoder
}

// start runs this program again as the server of a contender.
func start(ctx context.Context, name string, f fleet) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "serve", name, fmt.Sprint(f.Services), fmt.Sprint(f.Instances))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{name: name, cmd: cmd, stdin: stdin, out: json.NewDecoder(stdout), in: json.NewEncoder(stdin)}
	r, err := p.read()
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	p.address = r.Address
	return p, nil
}

func (p *process) read() (reply, error) {
	var r reply
	if err := p.out.Decode(&r); err != nil {
		return r, fmt.Errorf("read from server %q: %w", p.name, err)
	}
	if r.Error != "" {
		return r, fmt.Errorf("server %q: %s", p.name, r.Error)
	}
	return r, nil
}

func (p *process) tell(o order) (usage, error) {
	if err := p.in.Encode(o); err != nil {
		return usage{}, fmt.Errorf("tell server %q: %w", p.name, err)
	}
	r, err := p.read()
	return r.Usage, err
}

// stop ends the process, which exits when its standard input is closed.
func (p *process) stop() error {
	_ = p.stdin.Close() // it may have ended already
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill() // it may have ended already
		return fmt.Errorf("server %q did not end: %w", p.name, <-ended)
	}
}

// awaitIdle waits until the server has read that many requests and is idle: its CPU time hardly grows
// between samples. It returns the usage at that time.
func (p *process) awaitIdle(ctx context.Context, requests uint64) (usage, error) {
	const pause, enough = 10 * time.Millisecond, 3
	var last usage
	for calm := 0; calm < enough; {
		u, err := p.tell(order{Do: doUsage, Quick: true})
		if err != nil {
			return u, err
		}
		if u.Requests >= requests && u.CPU-last.CPU < time.Millisecond/2 {
			calm++
		} else {
			calm = 0
		}
		last = u
		select {
		case <-ctx.Done():
			return last, fmt.Errorf("server %q is not quiet, and has read %d of %d requests: %w", p.name, u.Requests, requests, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
	return last, nil
}
