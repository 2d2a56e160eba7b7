package cli

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// shell runs a script after the completion script of a shell, and returns what it prints. Without the shell
// the test is skipped.
func shell(t *testing.T, name, script string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(err)
	}
	generated := legate(t, nil, "completion", name)
	if generated.code != 0 || generated.err != "" {
		t.Fatalf("%+v", generated)
	}
	args := map[string][]string{"bash": {"--norc", "-euo", "pipefail"}, "zsh": {"-f"}, "fish": {"--no-config"}}[name]
	source := file(t, "completion."+name, generated.out)
	cmd := exec.CommandContext(t.Context(), path, append(args, "-c", strings.ReplaceAll(script, "@script@", source))...)
	cmd.Dir = t.TempDir()
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("%s: %v\n%s", script, err, complaints.String())
	}
	return string(out)
}

// What a person has typed, and some words that must be offered; none of the words behind a !.
var typed = []struct {
	line string
	want string
	not  string
}{
	{"legate ", "serve bootstrap completion", "--node-id envoy"},
	{"legate ser", "serve", "bootstrap"},
	{"legate bootstrap ", "envoy", "serve"},
	{"legate bootstrap envoy --mo", "--mode", "--node-id"},
	{"legate bootstrap envoy --mode ", "delta sotw rest", "--mode"},
	{"legate bootstrap envoy --mode s", "sotw", "delta"},
	{"legate watch --on", "--once", "--xds-address"},
	{"legate watch --node-id check --j", "--json", "config"},
	{"legate check ", "config consul envoy", "serve"},
	{"legate check config --consul-t", "--consul-token --consul-token-file", "--node-id"},
	{"legate policy check --cat", "--catalog", "config"},
	{"legate completion ", "bash zsh fish", "serve"},
	{"legate serve --log-level ", "debug info warn error", "--log-level"},
}

func TestShellsCompleteCommandsFlagsAndTheirValues(t *testing.T) {
	const end = "end of the answers" // to one line
	for name, script := range map[string]struct{ first, each string }{
		"bash": {`source @script@`, `(COMP_WORDS=(@words@); COMP_CWORD=@last@; _legate; printf '%s\n' "${COMPREPLY[@]}")`},
		"fish": {`source @script@`, `complete -C '@line@' | string replace -r '\t.*' ''`},
		// The builtins of completion work on a prompt only, so what is handed to them is printed.
		"zsh": {`compdef() {}; source @script@
			offer() { for w in "$@"; [[ $w == "$PREFIX"* ]] && print -r -- "$w"; true }
			compadd() { shift; offer "$@" }
			_describe() { offer "${(@)of%%:*}" }
			_files() { }`, `(words=(@words@); CURRENT=$((@last@ + 1)); PREFIX="${words[CURRENT]}"; _legate)`},
	} {
		t.Run(name, func(t *testing.T) { // not beside others: flags of the library are shared
			all := script.first + "\n"
			for _, c := range typed {
				words := strings.Split(c.line, " ")
				quoted := "'" + strings.Join(words, "' '") + "'"
				all += strings.NewReplacer("@words@", quoted, "@line@", c.line, "@last@", fmt.Sprint(len(words)-1)).Replace(script.each) + "\necho '" + end + "'\n"
			}
			answers := strings.Split(shell(t, name, all), end)
			for i, c := range typed {
				got := strings.Fields(answers[i])
				for want := range strings.FieldsSeq(c.want) {
					if !slices.Contains(got, want) {
						t.Errorf("%q: %q is not in %q", c.line, want, got)
					}
				}
				for not := range strings.FieldsSeq(c.not) {
					if slices.Contains(got, not) {
						t.Errorf("%q: %q is in %q", c.line, not, got)
					}
				}
			}
		})
	}
}

// Bash takes --flag=value apart.
func TestBashCompletesAValueBehindAnEqualsSign(t *testing.T) {
	for words, want := range map[string]string{
		"legate render --format =":      "yaml json",
		"legate render --format = js":   "json",
		"legate render --catalog = /et": "",
	} {
		n := len(strings.Fields(words))
		got := shell(t, "bash", fmt.Sprintf(`source @script@; COMP_WORDS=(%s); COMP_CWORD=%d; _legate; echo "${COMPREPLY[@]}"`, words, n-1))
		if strings.TrimSpace(got) != want {
			t.Errorf("%s: %q, want %q", words, got, want)
		}
	}
}

// What stands on the line is compared, never run.
func TestCompletionRunsNothing(t *testing.T) {
	evil := `legate '$(echo ran >&2)' '; echo ran >&2' `
	shell(t, "bash", `source @script@; COMP_WORDS=(`+evil+` ''); COMP_CWORD=3; _legate`)
	shell(t, "fish", `source @script@; complete -C "legate \$(echo ran >&2) "`)
}

func TestEachCommandIsCompleted(t *testing.T) {
	var p program
	at := map[string]bool{}
	for _, c := range completions("legate", "", p.commands()) {
		at[c.Path] = true
	}
	var walk func(path string, commands []*command)
	walk = func(path string, commands []*command) {
		for _, c := range commands {
			if !at[path+" "+c.name] {
				t.Errorf("%s %s is missing", path, c.name)
			}
			walk(path+" "+c.name, c.sub)
		}
	}
	walk("legate", p.commands())
}

func TestThePageOfShellsShowsWhatIsPrinted(t *testing.T) {
	if got := legate(t, nil, "completion", "--help"); got.out != documented(t, "shell.md", "legate completion --help")+"\n" && got.out != documented(t, "shell.md", "legate completion --help") {
		t.Errorf("%q", got.out)
	}
	folder := t.TempDir()
	got := legate(t, nil, "man", "--folder", folder)
	if want := documented(t, "shell.md", "sudo legate man --folder /usr/local/share/man/man1"); strings.Replace(got.out, folder, "/usr/local/share/man/man1", 1) != want {
		t.Errorf("%q, want %q", got.out, want)
	}
}
