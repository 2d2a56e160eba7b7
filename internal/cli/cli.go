// Package cli is the command line, with one file per command. Flags, environment and file become
// each room's Config here and nowhere else.
//
// Every setting has a flag, an environment variable and a key in the configuration file. The first
// of these that has a value wins; otherwise the default of its room applies. A mistake in any of
// the three is an error that names the place and the remedy: nothing that a user wrote is ignored.
// Secrets are never printed.
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

// Main runs the command line and returns the exit code of the process: 0 for success, 1 for a
// failure, 2 for a mistake in the command line, the environment or the configuration file, others as the
// command's help says.
func Main(args []string) int {
	p := program{out: os.Stdout, err: os.Stderr, getenv: os.Getenv}
	return p.run(context.Background(), args)
}

// program is one run of the program, with everything outside that it may use.
type program struct {
	out, err io.Writer
	getenv   func(string) string
}

// run runs the command that args name. args[0] is the name of the program.
func (p *program) run(ctx context.Context, args []string) int {
	err := p.app().RunContext(ctx, args)
	if coder := urfave.ExitCoder(nil); errors.As(err, &coder) { // "legate help" with an unknown command
		err = usageError{fmt.Errorf("%w, see %q", err, "legate --help")}
	}
	if answer := outcome(0); err != nil && !errors.As(err, &answer) {
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

// commands returns all commands in the order of the help.
func (p *program) commands() []*command {
	return []*command{
		p.serve(), p.bootstrap(), p.render(), p.check(), p.policy(), p.watch(), p.changes(),
		p.diff(), p.holds(), p.status(), p.healthcheck(), p.explain(), p.verify(), p.demo(), p.dashboards(), p.alerts(), p.completion(), p.man(), p.version(),
	}
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
