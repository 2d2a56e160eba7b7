package consul

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"legate/internal/logtest"
)

func TestATokenFileThatIsEmptiedOrGoneLeavesTheLastToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	must(t, os.WriteFile(file, []byte("first\n"), 0o600))
	said := &logtest.Buffer{}
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
	if n := said.Count("unusable"); n != 1 {
		t.Errorf("said %d times", n)
	}
	must(t, os.WriteFile(file, []byte("second\n"), 0o600))
	is("second")
}

func TestATokenThatIsNoneNeverTakesTheLastOnesPlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	must(t, os.WriteFile(file, []byte("good"), 0o600))
	token, err := newToken("", file, unsaid())
	must(t, err)
	for what, c := range map[string]struct{ text, want string }{
		"a byte order mark":          {"\ufeffbetter", "it begins with a byte order mark"},
		"UTF-16":                     {"\xff\xfeb\x00e\x00", "it begins with a byte order mark"},
		"UTF-16, the other way":      {"\xfe\xff\x00b\x00e", "it begins with a byte order mark"},
		"two lines":                  {"better\nbest", "it has more than one line"},
		"a control character":        {"bet\x1bter", "another character that no token has"},
		"a zero":                     {"better\x00", "another character that no token has"},
		"a space":                    {"SecretID: better", "it has a space"},
		"more than any token has":    {strings.Repeat("x", 4097), "it has more than 4096 bytes"},
		"a gigabyte, or what is one": {strings.Repeat("x", 1<<20), "it has more than 4096 bytes"},
		"nothing":                    {" \n", "it is empty"},
	} {
		t.Run(what, func(t *testing.T) {
			must(t, os.WriteFile(file, []byte(c.text), 0o600))
			if got := token.current(); got != "good" {
				t.Errorf("the token is %.20q", got)
			}
			_, err := newToken("", file, unsaid())
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "bet") {
				t.Errorf("in the file: %v", err)
			}
			if c.want == "it is empty" {
				return
			}
			if _, err := newToken(c.text, "", unsaid()); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "bet") {
				t.Errorf("as a value: %v", err)
			}
		})
	}
	must(t, os.WriteFile(file, []byte("\n"+strings.Repeat("x", 4000)+"\r\n"), 0o600))
	if got := token.current(); got != strings.Repeat("x", 4000) {
		t.Errorf("the token is %.20q", got)
	}
}
