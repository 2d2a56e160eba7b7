// Package cli is the command line: one file per command; flags, environment and file become
// each room's Config here and nowhere else.
//
// Every setting has a flag, an environment variable and a key in the configuration file, and
// listens to the first of them that says something; otherwise it has the default that its room
// gives it. Mistakes in any of the three are errors that name the place and the remedy: nothing
// that a user wrote is ignored. Secrets are never printed.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"legate/internal/quote"
)

// Main runs the command line and returns the process's exit code: 0 it worked, 1 it failed,
// 2 the command line, the environment or the configuration file is wrong.
func Main(args []string) int {
	p := program{out: os.Stdout, err: os.Stderr, getenv: os.Getenv}
	return p.run(context.Background(), args)
}

// program is one run of the program with what it may touch of the outside.
type program struct {
	out, err io.Writer
	getenv   func(string) string
}

// run runs the command that args name. The first of args is the program's name.
func (p *program) run(ctx context.Context, args []string) int {
	err := p.app().RunContext(ctx, args)
	if coder := urfave.ExitCoder(nil); errors.As(err, &coder) { // "legate help" of what is no command
		err = usageError{fmt.Errorf("%w, see %q", err, "legate --help")}
	}
	if err != nil {
		out := p.err
		if toJournal(p.err, p.getenv) {
			out = prefixed{p.err, []byte("<3>")}
		}
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintln(out, "legate: "+quote.Text(strings.TrimRight(line, "\n"), quote.DataBytes))
		}
	}
	return exitCode(err)
}

// commands are all commands in the order in which help shows them.
func (p *program) commands() []*command {
	return []*command{p.serve(), p.bootstrap(), p.render(), p.check(), p.holds(), p.demo(), p.version()}
}

func (p *program) app() *urfave.App {
	commands := p.commands()
	app := &urfave.App{
		Name:                  "legate",
		HelpName:              "legate",
		Usage:                 "serves what Consul knows to Envoy over xDS",
		Version:               readBuild().Version,
		Writer:                p.out,
		ErrWriter:             p.err,
		CustomAppHelpTemplate: literal(rootHelp(commands)),
		OnUsageError:          p.usage(commands),
		ExitErrHandler:        func(*urfave.Context, error) {}, // run decides the exit code
		Action:                p.noCommand(commands, "legate"),
	}
	for _, c := range commands {
		app.Commands = append(app.Commands, c.build(p, commands, "legate"))
	}
	return app
}
