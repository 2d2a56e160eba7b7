package parts

import (
	"fmt"
	"os"
	"path/filepath"
)

const folderPrefix = "legate-parts-"

// Folder is a folder for one program's files while it runs. Its path is short, so that unix sockets
// fit into it. A lock file marks it as in use for as long as this process lives.
type Folder struct {
	Path string
	lock *os.File
}

// NewFolder makes a folder, and removes those whose owner has died without removing them.
func NewFolder() (*Folder, error) { return folderIn(os.TempDir()) }

// NewLastingFolder makes one in the user's cache folder, where nobody tidies up while it is in
// use: it is for what is needed again after an hour.
func NewLastingFolder() (*Folder, error) {
	cache, err := cacheFolder()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	return folderIn(cache)
}

func folderIn(in string) (*Folder, error) {
	if err := sweepFolders(in); err != nil {
		return nil, fmt.Errorf("remove old folders in %q: %w", in, err)
	}
	path, err := os.MkdirTemp(in, folderPrefix)
	if err != nil {
		return nil, err
	}
	f := &Folder{Path: path}
	if err := f.take(); err != nil {
		os.RemoveAll(path)
		return nil, fmt.Errorf("lock folder %q: %w", path, err)
	}
	return f, nil
}

// take puts a lock file in the folder that is locked before it has its name.
func (f *Folder) take() (err error) {
	unnamed := filepath.Join(f.Path, "lock.new")
	if f.lock, err = os.Create(unnamed); err != nil {
		return err
	}
	if err := tryLock(f.lock); err != nil {
		return err
	}
	return os.Rename(unnamed, filepath.Join(f.Path, "lock"))
}

// Remove removes the folder with all that is in it.
func (f *Folder) Remove() error {
	defer f.lock.Close()
	return os.RemoveAll(f.Path)
}

// sweepFolders removes folders that have a lock file which nobody holds. One without a lock
// file may be just being made.
func sweepFolders(in string) error {
	found, err := filepath.Glob(filepath.Join(in, folderPrefix+"*", "lock"))
	if err != nil {
		return err
	}
	for _, path := range found {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue // gone meanwhile, or another user's
		}
		if tryLock(f) == nil {
			os.RemoveAll(filepath.Dir(path))
		}
		f.Close()
	}
	return nil
}
