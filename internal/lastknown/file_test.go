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

	"legate/discovery/catalog"
)

func stored(t *testing.T, h Header, c catalog.Catalog) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), fileName)
	if err := store(system{}, path, h, c); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheFileIsForItsOwnerOnlyAndNothingElseIsLeft(t *testing.T) {
	path := stored(t, header, catalogOf(1, "shop"))
	if err := store(system{}, path, header, catalogOf(2, "shop")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if there, _ := os.ReadDir(filepath.Dir(path)); len(there) != 1 {
		t.Errorf("there is %v", there)
	}
	_, c, err := load(path, scope, time.Hour, header.Believed)
	if err != nil || !c.Equal(catalogOf(2, "shop")) {
		t.Errorf("%v %v", c, err)
	}
}

func TestAFileIsUsedOnlyForWhatItIsOfAndNotForever(t *testing.T) {
	path := stored(t, header, catalogOf(1, "shop"))
	change := func(f func(*Scope)) Scope { s := scope; f(&s); return s }
	for name, c := range map[string]struct {
		want  Scope
		after time.Duration
		err   error
	}{
		"as it is":                    {scope, time.Minute, nil},
		"datacenter not known yet":    {change(func(s *Scope) { s.Datacenter = "" }), time.Minute, nil},
		"another datacenter":          {change(func(s *Scope) { s.Datacenter = "dc2" }), time.Minute, errScope},
		"another namespace":           {change(func(s *Scope) { s.Namespace = "eu" }), time.Minute, errScope},
		"another selection":           {change(func(s *Scope) { s.Exclude = []string{"shop-x"} }), time.Minute, errScope},
		"a day and a second old":      {scope, 24*time.Hour + time.Second, errTooOld},
		"a day old":                   {scope, 24 * time.Hour, nil},
		"the clock was set back":      {scope, -time.Hour, nil},
		"the clock was set far back":  {scope, -25 * time.Hour, errAhead},
		"the clock has forgotten all": {scope, time.Unix(0, 0).Sub(header.Believed), errAhead},
	} {
		_, got, err := load(path, c.want, 24*time.Hour, header.Believed.Add(c.after))
		if !errors.Is(err, c.err) || (err == nil) != (!got.Empty()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsNoFileOfOursIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	fifo, folder, empty, other := filepath.Join(dir, "fifo"), filepath.Join(dir, "folder"), filepath.Join(dir, "empty"), filepath.Join(dir, "other")
	err := errors.Join(syscall.Mkfifo(fifo, 0o600), os.Mkdir(folder, 0o700), os.WriteFile(empty, nil, 0o600), os.WriteFile(other, []byte("{}"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, folder, empty, other} {
		if _, c, err := load(path, scope, time.Hour, header.Believed); err == nil || !c.Empty() || !strings.Contains(err.Error(), "--state-dir") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, _, err := load(filepath.Join(dir, "nothing"), scope, time.Hour, header.Believed); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
}

func TestWhatACrashLeftBehindIsRemoved(t *testing.T) {
	path := stored(t, header, catalogOf(1, "shop"))
	left := filepath.Join(filepath.Dir(path), strings.Replace(tempPattern, "*", "123", 1))
	if err := os.WriteFile(left, []byte(Magic), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := prepare(path); err != nil {
		t.Fatal(err)
	}
	if there, _ := os.ReadDir(filepath.Dir(path)); len(there) != 1 {
		t.Errorf("there is %v", there)
	}
}
