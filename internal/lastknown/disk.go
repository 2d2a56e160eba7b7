package lastknown

import (
	"io"
	"os"
)

// disk is the part of a file system that store needs. Tests record the steps and let each of them
// fail.
type disk interface {
	// create makes a file with a new name. Only its owner may read and write it.
	create(dir, pattern string) (file, error)
	// open opens a folder.
	open(dir string) (file, error)
	rename(from, to string) error
	remove(path string) error
}

// file is what store needs of a file or a folder.
type file interface {
	io.WriteCloser
	Name() string
	// Sync returns once the content survives a loss of power.
	Sync() error
}

// system is the real file system.
type system struct{}

func (system) create(dir, pattern string) (file, error) { return os.CreateTemp(dir, pattern) }
func (system) open(dir string) (file, error)            { return os.Open(dir) }
func (system) rename(from, to string) error             { return os.Rename(from, to) }
func (system) remove(path string) error                 { return os.Remove(path) }
