package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// example is a copy of a folder of examples/, with ports and paths replaced so that it can run
// here, and the commands of its README as they are.
type example struct {
	dir     string
	replace *strings.Replacer
	env     []string
	blocks  []block
	t       testing.TB
}

// block is a fenced block of a README.
type block struct {
	kind string // the text after the opening fence
	text string
}

// Kinds of blocks in the READMEs.
const (
	command  = "sh"          // ends by itself; may be repeated
	terminal = "sh terminal" // stays in the foreground
	machine  = "sh machine"  // changes the machine: not run by tests
	output   = "text"        // output of the command before it, apart from spaces
	diff     = "diff"
)

// openExample copies an example's folder. Replacements are pairs of old and new text.
func openExample(t testing.TB, name string, replacements ...string) *example {
	t.Helper()
	x := &example{dir: t.TempDir(), replace: strings.NewReplacer(replacements...), env: parts.OwnEnvironment(), t: t}
	from := filepath.Join("..", "..", "examples", name)
	readme := x.original("README.md", from)
	x.blocks = blocks(readme)
	if err := os.CopyFS(x.dir, replacedFS{os.DirFS(from), x.replace}); err != nil {
		t.Fatal(err)
	}
	x.programs()
	return x
}

func (x *example) original(file, from string) string {
	x.t.Helper()
	text, err := os.ReadFile(filepath.Join(from, file))
	if err != nil {
		x.t.Fatal(err)
	}
	return string(text)
}

// file reads a file of the copy.
func (x *example) file(name string) []byte {
	x.t.Helper()
	return []byte(x.original(name, x.dir))
}

// programs makes a folder for PATH. Its envoy adds arguments that several Envoys on one machine
// need.
func (x *example) programs() {
	x.t.Helper()
	bin := x.t.TempDir()
	for name, path := range map[string]string{"legate": program.Path(x.t), "consul": partstest.ConsulPath(x.t)} {
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			x.t.Fatal(err)
		}
	}
	script := fmt.Sprintf("#!/bin/sh\nexec %q --disable-hot-restart --concurrency 1 --log-level warning \"$@\"\n", partstest.EnvoyPath(x.t))
	if err := os.WriteFile(filepath.Join(bin, "envoy"), []byte(script), 0o755); err != nil {
		x.t.Fatal(err)
	}
	x.env = append(x.env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// run runs all commands of the README in order, except those in skip.
func (x *example) run(skip ...string) {
	x.t.Helper()
	left := make(map[string]bool)
	for _, s := range skip {
		left[s] = true
	}
	ran := 0
	for i, b := range x.blocks {
		text := strings.TrimSpace(b.text)
		if left[text] {
			delete(left, text)
			continue
		}
		switch b.kind {
		case terminal:
			x.keepRunning(x.replace.Replace(text))
			ran++
		case command:
			want := ""
			if i+1 < len(x.blocks) && x.blocks[i+1].kind == output {
				want = x.blocks[i+1].text
			}
			x.t.Logf("$ %s", text)
			eventually(x.t, func() error { return x.once(x.replace.Replace(text), want) })
			ran++
		case machine, output, diff, "":
		default:
			x.t.Fatalf("the README has a block of kind %q, which nobody runs", b.kind)
		}
	}
	if ran == 0 || len(left) > 0 {
		x.t.Fatalf("%d commands of the README were run, and these are not in it: %v", ran, left)
	}
}

// once runs a command, which must succeed and print what is wanted, if anything.
func (x *example) once(text, want string) error {
	cmd := exec.CommandContext(x.t.Context(), "bash", "-euo", "pipefail", "-c", text)
	cmd.Dir, cmd.Env = x.dir, x.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", text, err, out)
	}
	if want != "" && !bytes.Equal(squeeze(out), squeeze([]byte(want))) {
		return fmt.Errorf("%s: printed\n%swant\n%s", text, out, want)
	}
	return nil
}

// squeeze turns every run of spaces into one space, and removes spaces at the ends of lines.
func squeeze(text []byte) []byte {
	var out []byte
	for line := range bytes.Lines(text) {
		out = append(append(out, bytes.Join(bytes.Fields(line), []byte(" "))...), '\n')
	}
	return out
}

// keepRunning runs a command until the test ends.
func (x *example) keepRunning(text string) {
	x.t.Helper()
	log := filepath.Join(x.t.TempDir(), "terminal.log")
	p, err := parts.Start(parts.Command{
		Name: text, Path: "/bin/sh", Args: []string{"-c", "exec " + text}, Dir: x.dir, Env: x.env, Log: log,
	})
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() {
		if x.t.Failed() {
			x.t.Logf("end of what %q printed:\n%s", text, parts.LogTail(log, 20))
		}
		if err := p.Kill(); err != nil {
			x.t.Error(err)
		}
	})
}

// blocks returns the fenced blocks of a Markdown text.
func blocks(markdown string) (found []block) {
	var open *block
	for line := range strings.Lines(markdown) {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open == nil:
			open = &block{kind: strings.TrimSpace(fence)}
		case isFence:
			found, open = append(found, *open), nil
		case open != nil:
			open.text += line
		}
	}
	return found
}
