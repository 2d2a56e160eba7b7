//go:build unix

package cli

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// toJournal reports whether w is connected to systemd's journal: $JOURNAL_STREAM has the device and
// inode of the stream that systemd made. A redirected stream has others.
// https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#$JOURNAL_STREAM
func toJournal(w io.Writer, getenv func(string) string) bool {
	f, isFile := w.(*os.File)
	if !isFile {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	stat, known := info.Sys().(*syscall.Stat_t)
	return known && getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}
