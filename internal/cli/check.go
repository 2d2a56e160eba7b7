package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"legate/discovery"
	"legate/internal/admin"
)

func (p *program) check() *command {
	serve, o := p.serveCommand()
	return &command{
		name:  "check",
		usage: "find mistakes before they count",
		sub: []*command{{
			name:  "config",
			usage: `say whether "legate serve" would start with these settings, without starting it`,
			about: `
It reads what serve reads at its start: flags, environment, the file that --config names,
and the files that those name. It connects to nothing and listens nowhere. With a mistake
it ends with exit code 2 and names it, with the remedy.`,
			examples: `
# before a file is put in place, or reloaded
legate check config --config /etc/legate/legate.yaml && systemctl reload legate`,
			settings: serve.settings,
			run: func(context.Context) error {
				if err := o.verify(); err != nil {
					return err
				}
				_, err := io.WriteString(p.out, "ok\n")
				return err
			},
		}, p.checkConsul(), p.checkEnvoy()},
	}
}

// verify does as much of the start of "serve" as it can without a connection or a listener.
func (o *serveOptions) verify() error {
	if err := o.validate(); err != nil {
		return err
	}
	if _, err := loadPolicy(o.policy); err != nil {
		return err
	}
	quiet := slog.New(slog.DiscardHandler)
	if _, err := credentials(o.listen.tls, "--tls", quiet); err != nil {
		return err
	}
	if _, err := credentials(o.listen.adminTLS, "--admin-tls", quiet); err != nil {
		return err
	}
	for _, s := range o.listen.spots() {
		if _, err := o.listen.place(s); err != nil {
			return err
		}
	}
	if _, err := admin.New(o.listen.people, admin.Rooms{}, quiet, nil); err != nil {
		return usageError{fmt.Errorf("--admin-token-file: %w", err)}
	}
	if _, err := discovery.New(o.consul, quiet, nil); err != nil {
		return usageError{err}
	}
	return nil
}
