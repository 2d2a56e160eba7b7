package release

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const top = "../.."

// build is a checkout of Legate's source, and what make makes of it.
type build struct{ source string }

// dist is the folder of what was made.
func (b build) dist(elements ...string) string {
	return filepath.Join(append([]string{b.source, "dist"}, elements...)...)
}

// one returns the one file of dist that matches a pattern.
func (b build) one(t testing.TB, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(b.dist(pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s is in dist %d times, want once: %v", pattern, len(found), err)
	}
	return found[0]
}

// shared is made once for all tests.
type shared struct {
	once sync.Once
	dir  string
	err  error
	build
}

// The source as it is here, with what is not committed; a snapshot of it; and the release of a tag of it.
var source, snapshot, release shared

func TestMain(m *testing.M) {
	code := m.Run()
	for _, s := range []*shared{&source, &snapshot, &release} {
		if s.dir != "" {
			_ = os.RemoveAll(s.dir) // what stays is in the folder for temporary files
		}
	}
	os.Exit(code)
}

// get makes it if nobody has.
func (s *shared) get(t testing.TB, make func(dir string) error) build {
	t.Helper()
	s.once.Do(func() {
		if s.dir, s.err = os.MkdirTemp("", "legate-release-"); s.err == nil {
			s.build = build{filepath.Join(s.dir, "legate")}
			s.err = make(s.build.source)
		}
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.build
}

// aSource is a repository with one commit more than this one, if something here is not committed.
func aSource(t testing.TB) build {
	return source.get(t, func(dir string) error {
		if err := run(top, nil, "git", "clone", "--quiet", "--shared", ".", dir); err != nil {
			return err
		}
		names, err := output(top, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
		if err != nil {
			return err
		}
		for name := range strings.SplitSeq(strings.Trim(names, "\x00"), "\x00") {
			if err := copyFile(filepath.Join(top, name), filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		if err := run(dir, nil, "git", "add", "--all"); err != nil {
			return err
		}
		return run(dir, nil, "git", "-c", "user.name=Test", "-c", "user.email=test@legate.invalid", "commit", "--quiet", "--allow-empty", "-m", "what is here")
	})
}

// aSnapshot is what "make snapshot" makes of a repository that has no remote.
func aSnapshot(t testing.TB) build {
	from := aSource(t)
	return snapshot.get(t, func(dir string) error {
		if err := checkout(from, dir); err != nil {
			return err
		}
		return run(dir, nil, "make", "snapshot")
	})
}

// tag is the version of aRelease. From v2 on Go would want it in the path of the module.
const tag = "v0.98.7"

// aRelease is what "make release" makes of a tag.
func aRelease(t testing.TB) build {
	from := aSource(t)
	return release.get(t, func(dir string) error {
		if err := checkout(from, dir); err != nil {
			return err
		}
		if err := run(dir, nil, "git", "tag", tag); err != nil {
			return err
		}
		return run(dir, nil, "make", "release")
	})
}

// checkout clones a repository without a trace of where it came from.
func checkout(from build, dir string) error {
	if err := run(from.source, nil, "git", "clone", "--quiet", "--shared", ".", dir); err != nil {
		return err
	}
	return run(dir, nil, "git", "remote", "remove", "origin")
}

// run runs a program that must succeed. None of it may use a token.
func run(dir string, env []string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); !strings.HasSuffix(name, "_TOKEN") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}

// output returns what a program prints.
func output(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, stderr.String())
	}
	return string(out), nil
}

// copyFile copies a file with its mode, or removes the copy of one that is gone.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if os.IsNotExist(err) {
		return os.RemoveAll(to)
	}
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close() // the first error counts
		return err
	}
	return out.Close()
}
