// Package files is about files that people name: whether others can read and change them, and that
// reading them ends, whatever stands there.
package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Open opens a regular file to be read. A pipe would let its reader wait, and a device may never
// end: it is an error at once.
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

// ErrLarge is why a file is not read.
var ErrLarge = errors.New("it is too large")

// MaxPEM bounds a file of certificates or keys, in bytes. All authorities of a system take a quarter of
// a megabyte.
const MaxPEM = 4 << 20

// Read reads a regular file of at most that many bytes, whole.
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
		size = int64(len(content)) // it may have grown
	}
	if size > most {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w: it has more than %d bytes", ErrLarge, most)}
	}
	return content, nil
}
