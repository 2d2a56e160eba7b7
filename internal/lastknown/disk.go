package lastknown

import (
	"io"
	"os"
)

// disk is what storing asks of a file system. Tests watch the steps, and let each of them fail.
type disk interface {
	// create makes a file of a new name, which only its owner may read and write.
	create(dir, pattern string) (file, error)
	// open opens a folder.
	open(dir string) (file, error)
	rename(from, to string) error
	remove(path string) error
}

// file is what storing asks of a file, or of a folder.
type file interface {
	io.WriteCloser
	Name() string
	// Sync returns when all is where it outlives a loss of power.
	Sync() error
}

// system is the disk of this machine.
type system struct{}

func (system) create(dir, pattern string) (file, error) { return os.CreateTemp(dir, pattern) }
func (system) open(dir string) (file, error)            { return os.Open(dir) }
func (system) rename(from, to string) error             { return os.Rename(from, to) }
func (system) remove(path string) error                 { return os.Remove(path) }
