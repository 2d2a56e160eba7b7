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

// tempPattern matches files that are being written. A crash can leave one of them behind.
const tempPattern = ".last-known-*.tmp"

// store replaces the file at path, or leaves it as it was. Once it returns without an error, the
// content survives a loss of power: the file is synced before the rename, and the folder after it.
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
		_ = d.remove(f.Name()) // the first error matters more
		return cause(err)
	}
	return syncFolder(d, dir)
}

// syncFolder makes a rename durable. Some file systems cannot sync a folder; there the rename alone
// has to do.
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

// prepare creates the folder if its parent exists, and removes files that crashes left behind.
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

// writeRemedy says what an operator can do about a file that cannot be written.
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
