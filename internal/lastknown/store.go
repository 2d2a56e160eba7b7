package lastknown

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"legate/discovery/catalog"
)

// tempPattern names what is being written. A crash can leave one of them behind.
const tempPattern = ".last-known-*.tmp"

// store replaces the file at path: whole, or it stays as it was. What it has said to have stored
// outlives a loss of power: the file is synced before it takes its name, and the folder afterwards.
func store(d disk, path string, h Header, c catalog.Catalog) error {
	dir := filepath.Dir(path)
	f, err := d.create(dir, tempPattern)
	if err != nil {
		return cause(err)
	}
	err = Encode(f, h, c)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = d.rename(f.Name(), path)
	}
	if err != nil {
		_ = d.remove(f.Name()) // the error that is returned says more
		return cause(err)
	}
	return syncFolder(d, dir)
}

// syncFolder makes a rename last. Not every file system can; then the rename is as good as it
// gets there.
func syncFolder(d disk, dir string) error {
	folder, err := d.open(dir)
	if err != nil {
		return cause(err)
	}
	err = folder.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return cause(errors.Join(err, folder.Close()))
}

// prepare makes the folder if only it is missing, and removes what crashes have left there.
func prepare(path string) error {
	dir := filepath.Dir(path)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make folder: %w", cause(err))
	}
	left, err := filepath.Glob(filepath.Join(dir, tempPattern))
	for _, one := range left {
		err = errors.Join(err, os.Remove(one))
	}
	return err
}

// writeRemedy is what a person can do about a file that cannot be written.
func writeRemedy(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "make room on that disk; the file that is there stays as it is meanwhile"
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return "let Legate's user write to that folder (systemd: StateDirectory=), or choose another --state-dir"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return "make the folder, or choose another --state-dir"
	}
	return "check that disk, or choose another --state-dir"
}
