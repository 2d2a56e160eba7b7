package lastknown

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"legate/discovery/catalog"
)

// watched is a disk that records its operations. One step can be made to fail.
type watched struct {
	system
	steps []string
	fails string // the step that fails
	with  error
}

func (w *watched) step(name string) error {
	if n := len(w.steps); n == 0 || w.steps[n-1] != name { // consecutive writes are one step
		w.steps = append(w.steps, name)
	}
	if name == w.fails {
		return &fs.PathError{Op: name, Path: "somewhere", Err: w.with}
	}
	return nil
}

func (w *watched) create(dir, pattern string) (file, error) {
	if err := w.step("create"); err != nil {
		return nil, err
	}
	f, err := w.system.create(dir, pattern)
	return &watchedFile{f, w, "file"}, err
}

func (w *watched) open(dir string) (file, error) {
	if err := w.step("open folder"); err != nil {
		return nil, err
	}
	f, err := w.system.open(dir)
	return &watchedFile{f, w, "folder"}, err
}

func (w *watched) rename(from, to string) error {
	if err := w.step("rename"); err != nil {
		return err
	}
	return w.system.rename(from, to)
}

func (w *watched) remove(path string) error {
	return errors.Join(w.step("remove"), w.system.remove(path))
}

type watchedFile struct {
	file
	disk *watched
	what string
}

func (f *watchedFile) Write(b []byte) (int, error) {
	if err := f.disk.step("write " + f.what); err != nil {
		return 0, err
	}
	return f.file.Write(b)
}

func (f *watchedFile) Sync() error {
	return errors.Join(f.disk.step("sync "+f.what), f.file.Sync())
}

func (f *watchedFile) Close() error {
	return errors.Join(f.disk.step("close "+f.what), f.file.Close())
}

// A file that is renamed before its content is on disk can be empty after a loss of power. A rename
// that is not on disk leaves the old file in place.
func TestTheFileIsOnTheDiskBeforeItHasItsNameAndThenTheNameIs(t *testing.T) {
	path := stored(t, header, catalogOf(1, "shop"))
	w := &watched{}
	if err := store(w, path, header, catalogOf(2, "shop")); err != nil {
		t.Fatal(err)
	}
	want := []string{"create", "write file", "sync file", "close file", "rename", "open folder", "sync folder", "close folder"}
	if !slices.Equal(w.steps, want) {
		t.Errorf("it did\n%q, want\n%q", w.steps, want)
	}
}

func TestAStepOfAWriteThatFailsIsSaidAndLeavesAWholeFile(t *testing.T) {
	was, is := catalogOf(1, "shop"), catalogOf(2, "shop")
	for step, want := range map[string]catalog.Catalog{
		"create": was, "write file": was, "sync file": was, "close file": was, "rename": was,
		"open folder": is, "sync folder": is, "close folder": is,
	} {
		t.Run(step, func(t *testing.T) {
			path := stored(t, header, was)
			w := &watched{fails: step, with: syscall.EIO}
			if err := store(w, path, header, is); !errors.Is(err, syscall.EIO) || strings.Contains(err.Error(), "somewhere") { // the log line has the path already
				t.Errorf("%v", err)
			}
			if done := w.steps[len(w.steps)-1]; want.Equal(was) && step != "create" && done != "remove" {
				t.Errorf("the last step was %q", done)
			}
			if _, c, err := load(path, scope, time.Hour, header.Believed); err != nil || !c.Equal(want) {
				t.Errorf("there is %v: %v", c, err)
			}
			if there, _ := os.ReadDir(filepath.Dir(path)); len(there) != 1 {
				t.Errorf("there is %v", there)
			}
		})
	}
}

func TestWhatCannotBeReplacedIsSaidWithoutItsPath(t *testing.T) {
	path := filepath.Join(t.TempDir(), fileName)
	if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := store(system{}, path, header, catalog.Catalog{}); !errors.Is(err, fs.ErrExist) || strings.Contains(err.Error(), fileName) {
		t.Errorf("%v", err)
	}
}

// A network file system may not support syncing a folder.
func TestAFolderThatCannotBeSyncedAtAllIsNoFailure(t *testing.T) {
	for _, unable := range []error{syscall.EINVAL, syscall.ENOTSUP} {
		path := filepath.Join(t.TempDir(), fileName)
		if err := store(&watched{fails: "sync folder", with: unable}, path, header, catalogOf(1, "shop")); err != nil {
			t.Errorf("%v: %v", unable, err)
		}
	}
}

func TestTheFolderIsMadeIfOnlyItIsMissing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state", fileName)
	for range 2 { // the second time the folder exists
		if err := prepare(path); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info, err)
	}
	if err := prepare(filepath.Join(dir, "no", "state", fileName)); !errors.Is(err, fs.ErrNotExist) || err.Error() != "make folder: no such file or directory" {
		t.Errorf("%v", err)
	}
}

func TestWhatACrashLeftBehindAndCannotBeRemovedIsSaid(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, strings.Replace(tempPattern, "*", "1", 1), "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := prepare(filepath.Join(dir, fileName)); !errors.Is(err, syscall.ENOTEMPTY) {
		t.Errorf("%v", err)
	}
}

func TestEachFaultOfADiskHasItsRemedy(t *testing.T) {
	for err, want := range map[error]string{
		syscall.ENOSPC: "make room", syscall.EDQUOT: "make room",
		syscall.EROFS: "StateDirectory=", syscall.EACCES: "StateDirectory=",
		syscall.ENOENT: "make the folder", syscall.ENOTDIR: "make the folder",
		syscall.EIO: "check that disk",
	} {
		if got := writeRemedy(fmt.Errorf("store: %w", err)); !strings.Contains(got, want) {
			t.Errorf("%v: %s", err, got)
		}
	}
	for err, want := range map[error]string{
		fs.ErrPermission: "let Legate's user read it", errScope: "a --state-dir of its own", errTooOld: "--last-known-max-age",
		errSchema: "it is replaced", errNewer: "it is kept as last-known-catalog.newer", errTruncated: "check the disk", errChecksum: "check the disk", errContent: "check the disk",
		errForeign: "look at what is there", errOwner: "with chown", errOthers: "chmod o-w", errAhead: "set the clock",
	} {
		if got := remedyOf(fmt.Errorf("load: %w", err)); !strings.Contains(got, want) {
			t.Errorf("%v: %s", err, got)
		}
	}
}
