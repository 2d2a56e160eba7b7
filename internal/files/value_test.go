package files

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// text follows a file. A content that begins with "bad" is unusable.
type text struct {
	*Value[string]
	t                 *testing.T
	path              string
	changed, unusable atomic.Int32
}

func follow(t *testing.T, content string) *text {
	t.Helper()
	f := &text{t: t, path: filepath.Join(t.TempDir(), "file")}
	f.write(content)
	v, err := New(Source[string]{
		Files: func() []string { return []string{f.path} },
		Read: func() (string, error) {
			content, err := os.ReadFile(f.path)
			if strings.HasPrefix(string(content), "bad") {
				err = errors.New(string(content))
			}
			return string(content), err
		},
		Changed:  func(string) { f.changed.Add(1) },
		Unusable: func(error) { f.unusable.Add(1) },
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Value = v
	return f
}

// write replaces the file by a rename, as tools that rotate secrets do.
func (f *text) write(content string) {
	f.t.Helper()
	if err := os.WriteFile(f.path+".new", []byte(content), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(f.path+".new", f.path); err != nil {
		f.t.Fatal(err)
	}
}

func (f *text) is(want, trouble string) {
	f.t.Helper()
	if got := f.Now(); got != want {
		f.t.Errorf("it is %q, want %q", got, want)
	}
	since, err := f.Trouble()
	switch {
	case trouble == "" && (err != nil || !since.IsZero()):
		f.t.Errorf("trouble since %v: %v", since, err)
	case trouble != "" && (err == nil || !strings.Contains(err.Error(), trouble) || since.IsZero()):
		f.t.Errorf("trouble since %v: %v, want %q", since, err, trouble)
	}
}

func TestAValueFollowsItsFileAndKeepsTheLastGoodOne(t *testing.T) {
	f := follow(t, "one")
	f.is("one", "")
	f.write("two")
	f.is("two", "")
	f.write("bad one")
	f.is("two", "bad one")
	since, _ := f.Trouble()
	f.write("bad two")
	f.is("two", "bad two")
	if again, _ := f.Trouble(); !again.Equal(since) {
		t.Errorf("the trouble began at %v, and then at %v", since, again)
	}
	if err := os.Remove(f.path); err != nil {
		t.Fatal(err)
	}
	f.is("two", "no such file")
	f.write("three")
	f.is("three", "")
	f.write("thrEE") // the same size
	f.is("thrEE", "")
	if c, u := f.changed.Load(), f.unusable.Load(); c != 3 || u != 1 {
		t.Errorf("%d changes and %d troubles were told, want 3 and 1", c, u)
	}
}

// A file that is moved away and back is good again.
func TestAFileThatComesBackUnchangedIsGood(t *testing.T) {
	f := follow(t, "one")
	if err := os.Rename(f.path, f.path+".away"); err != nil {
		t.Fatal(err)
	}
	f.is("one", "no such file")
	if err := os.Rename(f.path+".away", f.path); err != nil {
		t.Fatal(err)
	}
	f.is("one", "")
	if n := f.changed.Load(); n != 0 {
		t.Errorf("%d changes", n)
	}
}

func TestFilesThatCannotBeUsedAreAMistakeAtFirst(t *testing.T) {
	told := false
	_, err := New(Source[int]{
		Files:    func() []string { return nil },
		Read:     func() (int, error) { return 0, errors.New("no number") },
		Unusable: func(error) { told = true },
	})
	if err == nil || err.Error() != "no number" || told {
		t.Errorf("%v, told %v", err, told)
	}
}

func TestAStartWaitsForADiskThatHangsForSomeTimeOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := make(chan struct{})
		defer close(disk)
		began := time.Now()
		_, err := New(Source[int]{
			Files: func() []string { return nil },
			Read:  func() (int, error) { <-disk; return 1, nil },
		})
		if took := time.Since(began); err == nil || !strings.Contains(err.Error(), "does a disk hang?") || took != NewTimeout {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

func TestALazyValueIsReadWhenItIsAskedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "value")
	reads := 0
	v := Lazy(Source[string]{
		Files: func() []string { return []string{path} },
		Read: func() (string, error) {
			reads++
			text, err := Read(path, 100)
			return string(text), err
		},
	})
	if got := v.Now(); got != "" || reads != 1 {
		t.Errorf("%q after %d reads, of a file that is not there", got, reads)
	}
	if _, err := v.Trouble(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if err := os.WriteFile(path, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := v.Now() + v.Now(); got != "oneone" || reads != 2 {
		t.Errorf("%q after %d reads", got, reads)
	}
	if _, err := v.Trouble(); err != nil {
		t.Errorf("error %v", err)
	}
}
