package legatetest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"legate/internal/parts"
	"legate/internal/parts/pinned"
)

// Program is Legate's program. The first test that needs it builds it for all tests of a run. It is
// in a folder that no cleaner of temporary files reaches, since a test of many hours starts it
// repeatedly.
type Program struct {
	flags []string

	once   sync.Once
	folder *parts.Folder
	path   string
	err    error
}

// NewProgram returns the program as go build makes it with these flags. It needs [Program.Run].
func NewProgram(flags ...string) *Program { return &Program{flags: flags} }

// Path returns the path of the program.
func (p *Program) Path(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it needs real programs")
	}
	p.once.Do(func() { p.err = p.build() })
	if p.err != nil {
		t.Fatal(p.err)
	}
	return p.path
}

func (p *Program) build() (err error) {
	if p.folder, err = parts.NewLastingFolder(); err != nil {
		return err
	}
	p.path = filepath.Join(p.folder.Path, "legate")
	return pinned.BuildLegate(context.Background(), p.path, p.flags...)
}

// Run runs the tests, for TestMain, and removes the program.
func (p *Program) Run(m *testing.M) (code int) {
	code = m.Run()
	if p.folder == nil {
		return code
	}
	if err := p.folder.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	return code
}

// Legate returns a Legate that is not started yet, with these arguments and those for its
// addresses. It ends with the test, within the grace time.
func (p *Program) Legate(t testing.TB, grace time.Duration, args ...string) *parts.Legate {
	t.Helper()
	l, err := parts.NewLegate(p.Path(t), filepath.Join(t.TempDir(), "legate.log"), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Stop(grace); err != nil {
			t.Error(err)
		}
	})
	return l
}

// Output runs a command of the program and returns its output.
func (p *Program) Output(t testing.TB, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.Path(t), args...)
	cmd.Env = parts.OwnEnvironment()
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("legate %s: %v\n%s", strings.Join(args, " "), err, complaint.Bytes())
	}
	return out
}
