package cli

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"strings"
	"text/template"
)

// The scripts are made of the commands and settings. A shell that completes a word does not run Legate, nor
// anything that stands on its command line.
var (
	//go:embed completion.bash.tmpl
	bashCompletion string
	//go:embed completion.zsh.tmpl
	zshCompletion string
	//go:embed completion.fish.tmpl
	fishCompletion string
)

func (p *program) completion() *command {
	shell := func(name, script, examples string) *command {
		return &command{
			name: name, usage: "print the script that completes commands and flags in " + name, examples: examples,
			run: func(context.Context) error { return writeCompletion(p.out, script, p.commands()) },
		}
	}
	return &command{
		name:  "completion",
		usage: "print a script with which a shell completes commands, flags and their values",
		sub: []*command{
			shell("bash", bashCompletion, `
# in this shell
source <(legate completion bash)

# in each new shell
legate completion bash > ~/.local/share/bash-completion/completions/legate`),
			shell("zsh", zshCompletion, `
# in this shell, after compinit
source <(legate completion zsh)

# in each new shell, if the folder is in $fpath
legate completion zsh > ~/.zfunc/_legate`),
			shell("fish", fishCompletion, `
# in this shell
legate completion fish | source

# in each new shell
legate completion fish > ~/.config/fish/completions/legate.fish`),
		},
	}
}

// completed is a place on the command line: after a command.
type completed struct {
	Path  string // legate bootstrap envoy
	Words []described
	Flags []described
	Files bool // it takes files besides its flags
}

// described is a command or a flag.
type described struct {
	Word, Usage string
	Options     []string // the values that there are
	Value       bool     // it takes one
	File        bool     // and that is a path
}

// completions are the places behind all commands, each before those of its subcommands.
func completions(path, usage string, commands []*command) (all []completed) {
	here := completed{Path: path}
	for _, c := range commands {
		here.Words = append(here.Words, described{Word: c.name, Usage: c.usage})
		if len(c.sub) > 0 {
			all = append(all, completions(path+" "+c.name, c.usage, c.sub)...)
			continue
		}
		at := completed{Path: path + " " + c.name, Files: c.operand.max > 0}
		for _, s := range c.settings {
			if s.name != "" {
				at.Flags = append(at.Flags, described{
					Word: "--" + s.name, Usage: firstSentence(s.usage), Options: s.options, Value: !s.isFlag, File: isPath(s.hint),
				})
			}
		}
		at.Flags = append(at.Flags, described{Word: "--help", Usage: "Print what it does, with examples."})
		all = append(all, at)
	}
	return append([]completed{here}, all...)
}

// isPath reports whether a setting's placeholder stands for a path.
func isPath(hint string) bool {
	return hint == "PATH" || strings.HasPrefix(hint, "FILE") || strings.HasPrefix(hint, "FOLDER")
}

// firstSentence is what fits beside a word.
func firstSentence(s string) string {
	if i := strings.Index(s, ". "); i >= 0 {
		s = s[:i]
	}
	if i := strings.Index(s, ": "); i >= 0 {
		s = s[:i]
	}
	return strings.TrimSuffix(s, ".")
}

func writeCompletion(w io.Writer, script string, commands []*command) error {
	t, err := template.New("").Funcs(template.FuncMap{
		"join":  func(words []string) string { return strings.Join(words, " ") },
		"quote": func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }, // sh, zsh
		"fish":  func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'" },
		"colon": func(s string) string { return strings.ReplaceAll(s, ":", `\:`) }, // in zsh's _describe
	}).Parse(script)
	if err != nil {
		return err
	}
	if err := t.Execute(w, completions("legate", "", commands)); err != nil {
		return fmt.Errorf("write the script: %w", err)
	}
	return nil
}
