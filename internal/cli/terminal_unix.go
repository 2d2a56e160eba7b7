//go:build unix

package cli

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// columns is the width of a terminal; 0 if it does not say.
func columns(w io.Writer) int {
	f, isFile := w.(*os.File)
	if !isFile {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}
