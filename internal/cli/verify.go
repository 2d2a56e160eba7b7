package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"legate/internal/compare"
	"legate/internal/quote"
)

// verifyOptions are the options of "legate verify".
type verifyOptions struct {
	*renderOptions // how Consul is read
	admin          adminClient
	envoys         []string // addresses of their admin pages
	withConsul     bool
	settle         time.Duration
	json           bool
}

func (p *program) verify() *command {
	o := &verifyOptions{renderOptions: newRenderOptions(), settle: 500 * time.Millisecond}
	const category = "Verifying"
	c := &command{
		name:  "verify",
		usage: "say whether Consul, a running Legate and Envoys agree, and who is wrong",
		about: `
It compares what Consul says (read anew, from its leader), what a running Legate serves, and
what Envoys have: clusters with their policy, and endpoints with health, weight and place.
Legate should have what Consul says, an Envoy what Legate serves. Each difference is a line
that begins with the side that is wrong.

It looks twice, --settle apart, and tells only what is wrong both times and has not moved in
between: the rest was on its way. While Legate holds losses or rolls out a policy it waits
four times as long, and says so. What an Envoy decides itself is not compared: outliers that
it ejects, and active health checks.

Consul is read with the settings, selection and policy given here: give it those of serve,
most easily with --config. Exit code 0: all agree; 4: they differ; 1: one cannot be asked;
2: a mistake in the command line.`,
		examples: `
# is it Consul, Legate or Envoy?
legate verify --consul --envoy 127.0.0.1:9901 --config /etc/legate/legate.yaml

# has this Envoy what Legate serves? After a deployment, in a script:
legate verify --envoy edge-1:9901 --envoy edge-2:9901 || echo "not everywhere yet"

# which Envoys are wrong, about which services?
legate verify --envoy edge-1:9901 --json | jq -r 'select(.side) | "\(.side) \(.service)"' | sort -u`,
		settings: append([]*setting{
			list(&o.envoys, setting{
				name: "envoy", env: "LEGATE_VERIFY_ENVOY", category: category, hint: "HOST:PORT",
				usage: "Address of the admin page of an Envoy.",
			}),
			boolean(&o.withConsul, setting{
				name: "consul", env: "LEGATE_VERIFY_CONSUL", category: category,
				usage: "Compare Legate with Consul, too.",
			}),
			duration(&o.settle, 10*time.Millisecond, time.Hour, setting{
				name: "settle", env: "LEGATE_VERIFY_SETTLE", category: category, hint: "SPAN",
				usage: "Time between the two looks: longer than a change takes from Consul to an Envoy.",
			}),
			boolean(&o.json, setting{
				name: "json", env: "LEGATE_VERIFY_JSON", category: category,
				usage: "Print an object for each difference, one a line, and one for each note, which has no side; nothing if there is none. op is - for what the side lacks, + for what it has in excess, ~ for other values.",
			}),
		}, o.admin.settings()...),
		run: func(ctx context.Context) error { return p.runVerify(ctx, o) },
	}
	c.settings = append(c.settings, o.reading()...)
	return c
}

func (p *program) runVerify(ctx context.Context, o *verifyOptions) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if !o.withConsul && len(o.envoys) == 0 {
		return usageError{errors.New("say what to compare with Legate: --consul, --envoy HOST:PORT, or both")}
	}
	now, err := p.look(ctx, o)
	if err != nil {
		return err
	}
	faults := now.faults
	if len(faults) > 0 {
		wait := o.settle
		if now.busy != "" {
			wait *= 4
			fmt.Fprintf(p.err, "%s: looking again in %v\n", now.busy, wait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		if now, err = p.look(ctx, o); err != nil {
			return err
		}
		faults = compare.Lasting(faults, now.faults)
	}
	return p.printFaults(o, now, faults)
}

// noted is a note among the differences, for programs.
type noted struct {
	Note string `json:"note"`
}

// printFaults prints the differences, and how many there are.
func (p *program) printFaults(o *verifyOptions, now look, faults []compare.Fault) error {
	s := p.sheet()
	var out bytes.Buffer
	services := map[string]bool{}
	for _, f := range faults {
		services[f.Service] = true
		if o.json {
			writeObject(&out, f)
		} else {
			fmt.Fprintln(&out, paint(s.colour, f.Sign, f.String()))
		}
	}
	for _, note := range now.notes {
		note = quote.Text(note, quote.TextBytes)
		if o.json {
			writeObject(&out, noted{note})
		} else {
			fmt.Fprintln(&out, note)
		}
	}
	if !o.json {
		if len(faults) == 0 {
			fmt.Fprintf(&out, "equal: %s, %s\n", now.compared, plural(now.services, "service"))
		} else {
			fmt.Fprintf(&out, "%s of %s, in %d of %s\n", plural(len(faults), "difference"), now.compared, len(services), plural(now.services, "service"))
		}
		if len(o.envoys) > 0 {
			fmt.Fprintln(&out, "not compared: what Envoy decides itself, such as outliers that it ejects and active health checks")
		}
	}
	if _, err := p.out.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if len(faults) > 0 {
		return exitDifferent
	}
	return nil
}
