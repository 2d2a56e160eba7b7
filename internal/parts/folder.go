package parts

import (
	"fmt"
	"os"
	"path/filepath"
)

const folderPrefix = "legate-parts-"

// Folder is a folder for a program's files while it runs. Its path is short, so that paths of unix
// sockets fit. A lock file marks it as in use for as long as this process lives.
type Folder struct {
	Path string
	lock *os.File
}

// NewFolder makes a folder, and removes folders whose owners have died.
func NewFolder() (*Folder, error) { return folderIn(os.TempDir()) }

// NewLastingFolder makes a folder in the user's cache folder, where cleaners of temporary files do
// not remove it: for files that are needed for hours.
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

// take puts a lock file into the folder. The file is locked before it gets its name.
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

// Remove removes the folder with its content.
func (f *Folder) Remove() error {
	defer f.lock.Close()
	return os.RemoveAll(f.Path)
}

// sweepFolders removes folders with a lock file that nobody holds. A folder without a lock file may
// just be being made.
func sweepFolders(in string) error {
	found, err := filepath.Glob(filepath.Join(in, folderPrefix+"*", "lock"))
	if err != nil {
		return err
	}
	for _, path := range found {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue // removed meanwhile, or another user's
		}
		if tryLock(f) == nil {
			os.RemoveAll(filepath.Dir(path))
		}
		f.Close()
	}
	return nil
}
