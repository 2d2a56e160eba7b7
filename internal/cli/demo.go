package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"legate/internal/demo"
)

func (p *program) demo() *command {
	var keep bool
	return &command{
		name:  "demo",
		usage: "show on this machine what Legate does, with a real Consul and a real Envoy",
		about: `
Starts a Consul, three sample services, Legate and an Envoy on loopback, sends traffic
through Envoy and tells what changes in Consul do to it. It ends by itself within a
minute, with exit code 0 if all of it held, and leaves nothing behind.
Consul 1.22 and Envoy 1.40 or later are taken from PATH, or from the user's cache folder,
where "make parts" (or "make demo") in a checkout of Legate puts them.`,
		examples: `
# the story
legate demo

# the story, then everything stays up to be played with, until Ctrl-C
legate demo --keep`,
		settings: []*setting{
			boolean(&keep, setting{
				name: "keep", env: "LEGATE_DEMO_KEEP", key: "demo.keep", category: "Flags",
				usage: "Keep running after the story, and print addresses and commands to try.",
			}),
		},
		run: func(ctx context.Context) error {
			ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
			defer stop()
			defer context.AfterFunc(ctx, stop)() // a second signal ends the program at once
			live := terminal(p.out) && p.getenv("TERM") != "dumb"
			return demo.Run(ctx, demo.Options{
				Out:   p.out,
				Live:  live,
				Color: live && p.getenv("NO_COLOR") == "", // https://no-color.org
				Keep:  keep,
			})
		},
	}
}
