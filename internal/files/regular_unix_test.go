//go:build unix

package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestOnlyRegularFilesAreReadAndNobodyWaitsForOthers(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(syscall.Mkfifo(at("pipe"), 0o600), syscall.Mkfifo(at("silent"), 0o600), os.WriteFile(at("file"), []byte("text"), 0o600), os.Symlink(at("file"), at("link"))); err != nil {
		t.Fatal(err)
	}
	held, err := os.OpenFile(at("pipe"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	for path, want := range map[string]string{
		at("pipe"): "it is a pipe", at("silent"): "it is a pipe", dir: "it is a folder", "/dev/zero": "it is a device", at("nothing"): "no such file",
	} {
		content, err := Read(path, 10)
		if known := new(fs.PathError); !errors.As(err, &known) || !strings.Contains(known.Err.Error(), want) || content != nil {
			t.Errorf("%s: %q %v", path, content, err)
		}
	}
	for _, path := range []string{at("file"), at("link")} {
		if content, err := Read(path, 4); err != nil || string(content) != "text" {
			t.Errorf("%s: %q %v", path, content, err)
		}
		if content, err := Read(path, 3); !errors.Is(err, ErrLarge) || !strings.Contains(err.Error(), "more than 3 bytes") || content != nil {
			t.Errorf("%s: %q %v", path, content, err)
		}
	}
}

func TestWhatWasOpenedIsClosed(t *testing.T) {
	const open = "/proc/self/fd"
	count := func() int {
		all, err := os.ReadDir(open)
		if err != nil {
			t.Skip(err)
		}
		return len(all)
	}
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("token"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := count()
	for range 100 {
		_, one := Read(path, 10)
		_, two := ReadToken(path)
		if _, _, err := Open(filepath.Dir(path)); one != nil || two != nil || err == nil {
			t.Fatal(one, two, err)
		}
	}
	if after := count(); after > before+50 {
		t.Errorf("%d files are open, %d were", after, before)
	}
}

// A file of size 0 can have content, as in /proc.
func TestAFileIsBoundedWhateverItsSizeSays(t *testing.T) {
	const long = "/proc/self/maps"
	if _, err := os.Stat(long); err != nil {
		t.Skip(err)
	}
	if _, err := Read(long, 10); !errors.Is(err, ErrLarge) {
		t.Errorf("%v", err)
	}
	if content, err := Read(long, 1<<20); err != nil || len(content) == 0 {
		t.Errorf("%d bytes: %v", len(content), err)
	}
}

// nobodys is a file whose owner is unknown.
type nobodys struct{ fs.FileInfo }

func (nobodys) Sys() any { return nil }

func TestWhatOthersMayDoWithAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode][2]bool{0o600: {}, 0o660: {}, 0o771: {}, 0o604: {true, false}, 0o602: {false, true}, 0o666: {true, true}} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if r, w := Others(info); [2]bool{r, w} != want {
			t.Errorf("mode %v: read %v, write %v", mode, r, w)
		}
		if uid, foreign := Foreign(info); foreign || uid != os.Geteuid() {
			t.Errorf("mine belongs to %d, foreign %v", uid, foreign)
		}
	}
	for _, c := range []struct {
		uid, own int
		want     bool
	}{{0, 0, false}, {0, 1000, false}, {1000, 1000, false}, {1001, 1000, true}, {1000, 0, true}} {
		if got := stranger(c.uid, c.own); got != c.want {
			t.Errorf("user %d, to user %d, is a stranger: %v", c.uid, c.own, got)
		}
	}
	if _, foreign := Foreign(nobodys{}); foreign {
		t.Error("what has no owner belongs to a stranger")
	}
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Skipf("cannot give a file away: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if uid, foreign := Foreign(info); !foreign || uid != 12345 {
		t.Errorf("it belongs to %d, foreign %v", uid, foreign)
	}
}
