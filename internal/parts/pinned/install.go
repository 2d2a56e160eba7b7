package pinned

import (
	"context"
	"io"
	"os"
	"path/filepath"
)

// install makes the program at a temporary path, runs it once, and renames it: others see all of it
// or nothing. The caller holds the lock, so files that killed processes left behind can be removed.
func (p program) install(ctx context.Context, path string, progress io.Writer) error {
	leftovers, err := filepath.Glob(path + ".making-*")
	if err != nil {
		return err
	}
	for _, l := range leftovers {
		if err := os.RemoveAll(l); err != nil {
			return err
		}
	}
	work, err := os.MkdirTemp(filepath.Dir(path), filepath.Base(path)+".making-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)

	made := filepath.Join(work, p.Name)
	if err := p.make(ctx, made, progress); err != nil {
		return err
	}
	if err := p.Check(ctx, made); err != nil {
		return err
	}
	if err := syncFile(made); err != nil {
		return err
	}
	return os.Rename(made, path)
}

// syncFile writes a file's content to the disk before its rename: otherwise the rename may survive
// a power failure and the content not.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
