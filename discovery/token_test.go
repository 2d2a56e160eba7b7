package discovery

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

func TestATokenFileThatIsEmptiedOrGoneLeavesTheLastToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	must(t, os.WriteFile(file, []byte("first\n"), 0o600))
	said := &lockedBuffer{}
	token, err := newToken("", file, &credentials{log: slog.New(slog.NewTextHandler(said, nil))})
	must(t, err)
	is := func(want string) {
		t.Helper()
		if got := token.current(); got != want {
			t.Errorf("token %q, want %q", got, want)
		}
	}
	is("first")
	must(t, os.WriteFile(file, []byte("\n"), 0o600))
	is("first")
	must(t, os.WriteFile(file, []byte("first\nand another\n"), 0o600))
	is("first")
	must(t, os.Remove(file))
	is("first")
	if n := said.count("unusable"); n != 1 {
		t.Errorf("said %d times", n)
	}
	must(t, os.WriteFile(file, []byte("second\n"), 0o600))
	is("second")
}
