//go:build unix

package lastknown

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

// A pipe that somebody holds open, a device, or a file that is far too large must neither block the
// start nor fill the memory before it is rejected.
func TestWhatIsNoFileOfOursIsNotReadWhole(t *testing.T) {
	dir := t.TempDir()
	pipe, large, foreign, device := filepath.Join(dir, "pipe"), filepath.Join(dir, "large"), filepath.Join(dir, "foreign"), filepath.Join(dir, "device")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.WriteFile(large, []byte(Magic+"2\n"), 0o600), os.Truncate(large, maxBytes+1),
		os.WriteFile(foreign, []byte("{}"), 0o600), os.Truncate(foreign, maxBytes/8), os.Symlink("/dev/zero", device)); err != nil {
		t.Fatal(err)
	}
	held, err := os.OpenFile(pipe, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if _, err := held.Write(encode(t, header, catalogOf(1, "shop"))); err != nil { // its content is even valid
		t.Fatal(err)
	}
	for _, path := range []string{pipe, large, foreign, device} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, c, err := load(path, scope, time.Hour, header.Believed)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, errForeign) || !c.Empty() {
			t.Errorf("%s: %v", path, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("%s: it took %d MiB to find out", path, took>>20)
		}
	}
}

func TestAFileOfTheMostBytesIsReadAndOneMoreIsTooMany(t *testing.T) {
	path := stored(t, header, catalogOf(1, "shop"))
	size := int64(len(encode(t, header, catalogOf(1, "shop"))))
	if data, err := read(path, size); err != nil || int64(len(data)) != size {
		t.Errorf("%d bytes: %v", len(data), err)
	}
	if _, err := read(path, size-1); !errors.Is(err, errForeign) {
		t.Errorf("%v", err)
	}
}

func TestAFileThatSomebodyElseCouldHaveWrittenIsNotServed(t *testing.T) {
	t.Run("which everybody can write to", func(t *testing.T) {
		path := stored(t, header, catalogOf(1, "shop"))
		for mode, want := range map[os.FileMode]error{0o600: nil, 0o644: nil, 0o660: nil, 0o602: errOthers, 0o666: errOthers} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			_, c, err := load(path, scope, time.Hour, header.Believed)
			if !errors.Is(err, want) || (c.Empty()) != (want != nil) || want != nil && !strings.Contains(err.Error(), "chmod o-w") {
				t.Errorf("mode %v: %v", mode, err)
			}
		}
	})
	t.Run("which belongs to another user", func(t *testing.T) {
		path := stored(t, header, catalogOf(1, "shop"))
		if err := os.Chown(path, 12345, -1); err != nil {
			t.Skipf("cannot give a file away: %v", err)
		}
		if _, c, err := load(path, scope, time.Hour, header.Believed); !errors.Is(err, errOwner) || !c.Empty() ||
			!strings.Contains(err.Error(), "its user is 12345") || !strings.Contains(err.Error(), "chown") {
			t.Errorf("%v", err)
		}
	})
}

// Whoever can write to the folder can replace the file with an older one of Legate's.
func TestAFolderThatOthersCanWriteToIsNamedUntilItIsMended(t *testing.T) {
	for name, c := range map[string]struct {
		spoil, mend func(dir string) error
		want        string
	}{
		"by its mode": {
			func(dir string) error { return os.Chmod(dir, 0o777) }, func(dir string) error { return os.Chmod(dir, 0o755) },
			"everybody can write to its folder (mode 0777): chmod o-w ",
		},
		"by its owner": {
			func(dir string) error { return os.Chown(dir, 12345, -1) }, func(dir string) error { return os.Chown(dir, os.Geteuid(), -1) },
			"its folder belongs to user 12345, and Legate is user 0: chown 0 ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := from(t, time.Now(), catalogOf(1, "a"))
				if err := c.spoil(dir); err != nil {
					t.Skip(err)
				}
				s := newStage(t, dir)
				if st := s.Status(); !strings.Contains(st.Exposed, c.want+dir) {
					t.Errorf("%+v", st)
				}
				s.answers()
				s.in <- whole(catalogOf(1, "b"))
				<-s.out
				s.in <- catalog.Delta{}
				<-s.out
				time.Sleep(time.Minute)
				if n := strings.Count(s.log.String(), "others can change the last known catalog"); n != 1 {
					t.Errorf("said %d times: %s", n, s.log)
				}
				if err := c.mend(dir); err != nil {
					t.Fatal(err)
				}
				s.in <- catalog.Delta{}
				<-s.out
				time.Sleep(time.Minute)
				if st := s.Status(); st.Exposed != "" {
					t.Errorf("%+v", st)
				}
			})
		})
	}
}
