package cli

import (
	"errors"
	"os"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // it was understood, and did not work
	exitUsage  = 2 // it was not understood: flags, environment or file must change
)

// usageError is a mistake in what the user wrote.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func exitCode(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		return exitUsage
	default:
		return exitFailed
	}
}

// reason is an error of the file system without its path, which the caller names itself.
func reason(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
