package cli

import (
	"context"
	"errors"
	stdflag "flag"
	"fmt"
	"io"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"legate/internal/suggest"
)

// command is one command or, if it has subcommands, a group.
type command struct {
	name     string
	usage    string // one line of help
	about    string // further help, in short lines
	examples string
	settings []*setting
	operand  operand                         // what it takes besides flags
	run      func(ctx context.Context) error // called once the settings are resolved
	sub      []*command
}

// build turns c into a command of urfave/cli. It needs all commands, for the known keys of the
// file.
func (c *command) build(p *program, all []*command, parent string) *urfave.Command {
	full := parent + " " + c.name
	u := &urfave.Command{
		Name:               c.name,
		Usage:              c.usage,
		HideHelpCommand:    true,
		Flags:              flags(c.settings),
		CustomHelpTemplate: literal(c.help(full)),
		OnUsageError:       p.usage(all),
	}
	for _, s := range c.sub {
		u.Subcommands = append(u.Subcommands, s.build(p, all, full))
	}
	if len(c.sub) > 0 {
		u.Action = p.noCommand(c.sub, full)
		return u
	}
	u.Action = func(ctx *urfave.Context) error {
		if err := c.operands(full, ctx.Args().Slice()); err != nil {
			return err
		}
		if err := p.resolve(c.settings, all); err != nil {
			return err
		}
		if c.name != "serve" { // that logs it
			for _, line := range renamed(c.settings) {
				fmt.Fprintln(p.err, "legate: warning: "+line)
			}
		}
		return c.run(ctx.Context)
	}
	return u
}

// resolve reads the configuration file, if one is named, and sets the values of the settings.
func (p *program) resolve(settings []*setting, all []*command) error {
	var file map[string]entry
	if i := slices.IndexFunc(settings, func(s *setting) bool { return s.name == "config" }); i >= 0 {
		if path, _ := settings[i].source(p.getenv, nil); len(path) > 0 {
			var err error
			if file, err = readFile(last(path), everySetting(all)); err != nil {
				return err
			}
		}
	}
	return resolve(settings, p.getenv, file)
}

// everySetting returns the settings of all commands: one file may serve several commands.
func everySetting(all []*command) []*setting {
	var out []*setting
	for _, c := range all {
		out = append(append(out, c.settings...), everySetting(c.sub)...)
	}
	return out
}

// operand is what a command takes besides its flags: at least min words and at most max. The zero value
// takes none.
type operand struct {
	name     string // in help: SERVICE
	min, max int
	set      func(words []string)
}

// one is an operand that a command needs.
func one(name string, to *string) operand {
	return operand{name, 1, 1, func(words []string) { *to = words[0] }}
}

// operands takes the words of the command. Flags may come before, between and after them.
func (c *command) operands(full string, args []string) error {
	var words []string
	for len(args) > 0 && len(words) < c.operand.max {
		words = append(words, args[0])
		rest := stdflag.NewFlagSet(full, stdflag.ContinueOnError)
		rest.SetOutput(io.Discard)
		for _, f := range flags(c.settings) {
			if err := f.Apply(rest); err != nil {
				return err
			}
		}
		if err := rest.Parse(args[1:]); err != nil {
			return usageError{fmt.Errorf("%w, see %q", err, full+" --help")}
		}
		args = rest.Args()
	}
	if len(words) < c.operand.min {
		return usageError{fmt.Errorf("%q needs %s, see %q", full, c.operand.name, full+" --help")}
	}
	if len(words) > 0 {
		c.operand.set(words)
	}
	return noArguments(full, args)
}

// noArguments rejects arguments after the flags: urfave/cli would silently ignore them, and every
// flag after them.
func noArguments(full string, args []string) error {
	if len(args) == 0 {
		return nil
	}
	for _, a := range args[1:] {
		if strings.HasPrefix(a, "-") {
			return usageError{fmt.Errorf("unexpected argument %q: remove it (it also hides the flag %s, which comes after it); a switch takes its value with =, as in --name=false", args[0], a)}
		}
	}
	return usageError{fmt.Errorf("unexpected argument %q: %q takes flags only, see %q", args[0], full, full+" --help")}
}

// noCommand is the action of a group when none of its commands is named.
func (p *program) noCommand(known []*command, full string) urfave.ActionFunc {
	return func(ctx *urfave.Context) error {
		names := make([]string, len(known))
		for i, c := range known {
			names[i] = c.name
		}
		if given := ctx.Args().First(); given != "" {
			return usageError{fmt.Errorf("unknown command %q%s", full+" "+given,
				or(suggest.DidYouMean(given, names), fmt.Sprintf(": the commands are %s; see %q", strings.Join(names, ", "), full+" --help")))}
		}
		if ctx.Command.HelpName == "legate" {
			fmt.Fprintln(p.err, rootHelp(known))
		}
		return usageError{fmt.Errorf("which command? %s; see %q", strings.Join(names, ", "), full+" --help")}
	}
}

// usage turns errors of the flag parser into errors that say what to write instead.
func (p *program) usage(all []*command) urfave.OnUsageErrorFunc {
	return func(ctx *urfave.Context, err error, _ bool) error {
		full := ctx.Command.HelpName
		if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
			return usageError{fmt.Errorf("unknown flag --%s for %q%s", strings.TrimPrefix(name, "-"), full, whichFlag(ctx, all, name))}
		}
		if name, ok := strings.CutPrefix(err.Error(), "flag needs an argument: -"); ok {
			return usageError{fmt.Errorf("flag --%s needs a value, see %q", name, full+" --help")}
		}
		return usageError{errors.New(err.Error())}
	}
}

// whichFlag suggests a flag of the command, or the command that has that flag.
func whichFlag(ctx *urfave.Context, all []*command, name string) string {
	name = strings.TrimLeft(name, "-")
	var own []string
	for _, f := range ctx.Command.Flags {
		own = append(own, f.Names()...)
	}
	for _, c := range all {
		for _, s := range everySetting([]*command{c}) {
			if s.name == name && !slices.Contains(own, name) {
				return fmt.Sprintf(": it is a flag of %q; write it after the command", "legate "+c.name)
			}
		}
	}
	for i := range own {
		own[i] = "--" + own[i]
	}
	return or(suggest.DidYouMean("--"+name, own), fmt.Sprintf(", see %q", ctx.Command.HelpName+" --help"))
}
