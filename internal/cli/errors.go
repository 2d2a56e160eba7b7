package cli

import (
	"errors"
	"os"
	"strconv"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the command failed
	exitUsage  = 2 // flags, environment or file must change
)

// outcome is an exit code that answers the user's question. The command has already printed the rest of
// the answer, so nothing else is printed.
type outcome int

func (o outcome) Error() string { return "exit code " + strconv.Itoa(int(o)) }

// usageError is a mistake in what the user wrote.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func exitCode(err error) int {
	var usage usageError
	var answer outcome
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &answer):
		return int(answer)
	case errors.As(err, &usage):
		return exitUsage
	default:
		return exitFailed
	}
}

// reason strips the path from an error of the file system: the caller names it itself.
func reason(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
