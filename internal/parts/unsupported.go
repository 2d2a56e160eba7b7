//go:build !unix

package parts

import (
	"context"
	"errors"
	"os"
	"os/exec"
)

var errUnsupported = errors.New("the demo and its parts run on Linux and macOS only")

// Lock is not supported on this system.
func Lock(context.Context, string, func()) (func(), error) { return nil, errUnsupported }

func tryLock(*os.File) error { return errUnsupported }
func tie(*exec.Cmd)          {}

// Terminate is not supported on this system.
func (p *Process) Terminate() error { return errUnsupported }

// Kill is not supported on this system.
func (p *Process) Kill() error { return errUnsupported }

// Pause is not supported on this system.
func (p *Process) Pause() error { return errUnsupported }

// Continue is not supported on this system.
func (p *Process) Continue() error { return errUnsupported }
