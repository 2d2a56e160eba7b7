package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestATokenIsWhatStandsThereAloneAndNothingElseIs(t *testing.T) {
	longest := strings.Repeat("x", maxToken)
	for text, want := range map[string]string{"a": "a", " a\r\n": "a", "\n\n!~\n": "!~", longest: longest, "": "", " \n": ""} {
		got, err := Token(text)
		if err != nil || got != want {
			t.Errorf("%.20q: %.20q %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		longest + "\n": "more than 4096 bytes", "\ufeffa": "byte order mark", "\xff\xfea\x00": "byte order mark", "\xfe\xff\x00a": "byte order mark",
		"a\nb": "more than one line", "a\rb": "more than one line", "a b": "a space", "a\x00": "another character", "a\x7f": "another character", "ä": "another character",
	} {
		if got, err := Token(text); err == nil || got != "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %.20q %v", text, got, err)
		}
	}
}

func TestATokenIsReadFromAFileThatHasOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	for text, want := range map[string]string{"secret\n": "", "": "it is empty", " \n": "it is empty", "se cret": "a space", strings.Repeat("x", 1<<20): "more than 4096 bytes"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadToken(path)
		if want == "" && (got != "secret" || err != nil) || want != "" && (got != "" || err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.20q: %.20q %v", text, got, err)
		}
	}
	for path, want := range map[string]string{path + "x": "no such file", filepath.Dir(path): "is a directory"} {
		if got, err := ReadToken(path); got != "" || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q %v", got, err)
		}
	}
}
