package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestEachCommandHasAManualPage(t *testing.T) {
	folder := t.TempDir()
	if got := legate(t, nil, "man", "--folder", folder); got != (result{out: "the pages are in " + folder + "\n"}) {
		t.Fatalf("%+v", got)
	}
	var p program
	for _, c := range completions("legate", "", p.commands()) {
		if len(c.Words) > 0 && c.Path != "legate" {
			continue // a group
		}
		page := filepath.Join(folder, strings.ReplaceAll(c.Path, " ", "-")+".1")
		text, err := os.ReadFile(page)
		if err != nil {
			t.Error(err)
			continue
		}
		words := strings.Fields(c.Path)
		if printed := legate(t, nil, append([]string{"man"}, words[1:]...)...); printed.out != string(text) {
			t.Errorf("%s: printed is not what is in the file", c.Path)
		}
		for _, f := range c.Flags {
			if flag := escape(f.Word); f.Word != "--help" && !strings.Contains(string(text), `\fB`+flag) {
				t.Errorf("%s does not have %s", page, f.Word)
			}
		}
		lint(t, page, "groff", "-man", "-ww", "-Tutf8", "-z")
		lint(t, page, "mandoc", "-Tlint", "-Wwarning")
	}
}

// lint runs a program on a page, if it is installed: it must say nothing.
func lint(t *testing.T, page, program string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		return
	}
	out, err := exec.CommandContext(t.Context(), path, append(args, page)...).CombinedOutput()
	if text := string(out); err != nil && !strings.Contains(text, "missing date") || len(text) > 0 && !onlyNoDate(text) {
		t.Errorf("%s: %v\n%s", program, err, text)
	}
}

// onlyNoDate reports whether each complaint is that a page has no date. It has none on purpose: the same source
// makes the same page.
func onlyNoDate(text string) bool {
	for line := range strings.Lines(text) {
		if !strings.Contains(line, "missing date") {
			return false
		}
	}
	return true
}

func TestAPageReadsLikeTheHelp(t *testing.T) {
	page := legate(t, nil, "man", "watch")
	path, err := exec.LookPath("groff")
	if err != nil {
		t.Skip(err)
	}
	cmd := exec.CommandContext(t.Context(), path, "-man", "-Tascii", "-P-c", "-P-b", "-P-u", "-rLL=200n")
	cmd.Stdin = strings.NewReader(page.out)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(out)), " ")
	for _, want := range []string{
		"legate-watch - show what an Envoy gets from a running Legate", "legate watch [SERVICE...] [flags]", "--xds-address HOST:PORT|unix:///PATH",
		"$LEGATE_WATCH_XDS_ADDRESS, file: watch.xds_address", "legate watch --once --json web | jq -r 'select(.event == \"service\")", "SEE ALSO legate(1)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestManOfWhatIsNoCommandSaysSo(t *testing.T) {
	for _, args := range [][]string{{"man", "sevre"}, {"man", "bootstrap"}, {"man", "--folder", "x", "serve"}} {
		if got := legate(t, nil, args...); got.code != exitUsage || got.out != "" {
			t.Errorf("%v: %+v", args, got)
		}
	}
	if got := legate(t, nil, "man", "--folder", "/no/such"); got.code != exitFailed || !strings.Contains(got.err, "no such file") {
		t.Errorf("%+v", got)
	}
}

func TestTextsOfPagesAreEscaped(t *testing.T) {
	if got, want := escape(".a\n'b\\-c\nd"), "\\&.a\n\\&'b\\e\\-c\nd"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
