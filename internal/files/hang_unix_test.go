//go:build unix

package files

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Mounted secrets are links into a folder that is itself a link. Only that inner link is swapped:
// all files change at once, and none of the paths that are known here is replaced.
func TestAFolderOfLinksThatIsSwappedIsFollowed(t *testing.T) {
	dir := t.TempDir()
	swap := func(generation, content string) {
		t.Helper()
		for _, err := range []error{
			os.Mkdir(filepath.Join(dir, generation), 0o700),
			os.WriteFile(filepath.Join(dir, generation, "file"), []byte(content), 0o600),
			os.Symlink(generation, filepath.Join(dir, "..data.new")),
			os.Rename(filepath.Join(dir, "..data.new"), filepath.Join(dir, "..data")),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	swap("..1", "one")
	path := filepath.Join(dir, "file")
	if err := os.Symlink(filepath.Join("..data", "file"), path); err != nil {
		t.Fatal(err)
	}
	v, err := New(Source[string]{
		Files: func() []string { return []string{path} },
		Read:  func() (string, error) { content, err := os.ReadFile(path); return string(content), err },
	})
	if err != nil || v.Now() != "one" {
		t.Fatal(v, err)
	}
	swap("..2", "two")
	if got := v.Now(); got != "two" {
		t.Errorf("it is %q", got)
	}
}

// A pipe without a writer behaves like a file on a disk that hangs: its read never ends.
func TestADiskThatHangsHoldsNobodyUp(t *testing.T) {
	f := follow(t, "one")
	if err := syscall.Mkfifo(f.path+".new", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(f.path+".new", f.path); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	f.is("one", "does a disk hang?")
	if took := time.Since(began); took < NowTimeout || took > 30*time.Second {
		t.Errorf("the first waited for %v", took)
	}
	began = time.Now()
	for range 1000 {
		f.Now()
	}
	if took := time.Since(began); took > NowTimeout {
		t.Errorf("a thousand more waited for %v", took)
	}
	disk, err := os.OpenFile(f.path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := disk.WriteString("two"); err != nil {
		t.Fatal(err)
	}
	f.write("three") // else the next check finds the pipe
	if err := disk.Close(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); f.Now() != "three" && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	f.is("three", "")
}
