// Package files is about files that operators name in settings: whether other users can read or
// change them, reads that are bounded in time and size, and values that follow a file when it
// changes.
package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Open opens a regular file for reading. Anything else is an error at once: a pipe would block its
// reader, and a device may have no end.
func Open(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("it is %s, and a regular file is needed", kind(info.Mode()))}
	}
	if err != nil {
		_ = f.Close() // nothing was read
		return nil, nil, err
	}
	return f, info, nil
}

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	}
	return "a device" // a socket cannot be opened at all
}

// ErrLarge is the cause when a file is larger than its reader accepts.
var ErrLarge = errors.New("it is too large")

// MaxPEM is the size limit in bytes of a file of certificates or keys. All the authorities of a
// system take a quarter of a megabyte.
const MaxPEM = 4 << 20

// Read reads a whole regular file. A file of more than that many bytes is an error.
func Read(path string, most int64) ([]byte, error) {
	f, info, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size := info.Size()
	var content []byte
	if size <= most {
		if content, err = io.ReadAll(io.LimitReader(f, most+1)); err != nil {
			return nil, err
		}
		size = int64(len(content)) // it may have grown since Stat
	}
	if size > most {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w: it has more than %d bytes", ErrLarge, most)}
	}
	return content, nil
}
