package lastknown

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A disk that is really full: a small tmpfs.
func TestAFullDiskLeavesTheFileAsItWas(t *testing.T) {
	dir := mount(t, "size=64k")
	path := filepath.Join(dir, fileName)
	if err := store(system{}, path, header, catalogOf(1, "shop")); err != nil {
		t.Fatal(err)
	}
	err := store(system{}, path, header, catalogOf(1000, "shop"))
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(writeRemedy(err), "make room") {
		t.Errorf("%v: %s", err, writeRemedy(err))
	}
	if _, c, err := load(path, scope, time.Hour, header.Believed); err != nil || !c.Equal(catalogOf(1, "shop")) {
		t.Errorf("%v %v", c, err)
	}
	if there, _ := os.ReadDir(dir); len(there) != 1 {
		t.Errorf("there is %v", there)
	}
}

func TestAReadOnlyFolderIsNamedWithItsRemedy(t *testing.T) {
	dir := t.TempDir()
	if os.Geteuid() == 0 { // only a read-only file system stops root
		dir = mount(t, "ro")
	} else if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	err := store(system{}, filepath.Join(dir, fileName), header, catalogOf(1, "shop"))
	if (!errors.Is(err, syscall.EROFS) && !errors.Is(err, fs.ErrPermission)) || !strings.Contains(writeRemedy(err), "StateDirectory") {
		t.Errorf("%v: %s", err, writeRemedy(err))
	}
	err = store(system{}, filepath.Join(dir, "missing", fileName), header, catalogOf(1, "shop"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(writeRemedy(err), "make the folder") {
		t.Errorf("%v: %s", err, writeRemedy(err))
	}
}

// mount mounts a tmpfs, which needs root.
func mount(t *testing.T, options string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	flags := uintptr(0)
	if options == "ro" {
		flags, options = syscall.MS_RDONLY, ""
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		t.Skipf("cannot mount a file system in memory: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}
