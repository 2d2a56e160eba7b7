package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"legate/internal/admin"
	"legate/internal/quote"
	"legate/translate/policy"
)

func (p *program) policyExplain() *command {
	o, a, asJSON, running, service := newRenderOptions(), &adminClient{}, false, false, ""
	c := &command{
		name:  "explain",
		usage: "print what holds for a service, each field with who said it",
		about: `
It reads what serve would: Consul (or a saved catalog) and the policy. Fields that nobody
set have Envoy's own defaults, and are not printed. What does not count, and what holds
and has no effect, comes below, with the reason.

With --running it asks a running Legate instead, which also knows where the service stands
while a change of policy goes out: what it is still served with, since when, and why.`,
		examples: `
legate policy explain web --policy /etc/legate/policy.yaml
legate policy explain web --policy policy.yaml --catalog catalog.json --json
legate policy explain web --running --admin-socket /run/legate/admin.sock`,
		operand: one("SERVICE", &service),
		settings: slices.Concat(o.inputs(), a.settings(), []*setting{
			boolean(&running, setting{name: "running", env: "LEGATE_POLICY_RUNNING", category: "Running Legate", usage: "Ask a running Legate. Implied by --admin-addr and --admin-socket on the command line."}),
			boolean(&asJSON, setting{name: "json", env: "LEGATE_POLICY_JSON", category: "Output", usage: "Print JSON."}),
		}),
	}
	c.run = func(ctx context.Context) error {
		if running || onCommandLine(c.settings, "admin-addr") || onCommandLine(c.settings, "admin-socket") {
			return p.explainRunning(ctx, a, service, asJSON)
		}
		policies, err := loadPolicy(o.policy)
		if err != nil {
			return err
		}
		resources, err := p.resources(ctx, o)
		if err != nil {
			return err
		}
		resources, _ = resources.With(policies)
		e, problems, served := resources.Policy(service)
		if !served {
			return fmt.Errorf("service %s is not served: name one that is in Consul (legate render shows them)", quote.Name(service))
		}
		return printExplanation(p.out, policy.Explain(service, e, problems), asJSON)
	}
	return c
}

// explainRunning prints what a running Legate says of a service.
func (p *program) explainRunning(ctx context.Context, a *adminClient, service string, asJSON bool) error {
	var one struct {
		Policy  *policy.Explanation   `json:"policy"`
		Rollout *admin.ServiceRollout `json:"rollout,omitempty"`
	}
	if err := a.call(ctx, "GET", "/api/v1/services/"+url.PathEscape(service), &one); err != nil {
		return err
	}
	if one.Policy == nil {
		return fmt.Errorf("service %s is not served: the page of the running Legate says why", quote.Name(service))
	}
	if asJSON {
		return printJSON(p.out, one)
	}
	if err := printExplanation(p.out, *one.Policy, false); err != nil {
		return err
	}
	return printRollout(p.out, one.Rollout)
}

// printRollout says where a service stands while a change of policy goes out.
func printRollout(w io.Writer, r *admin.ServiceRollout) error {
	if r == nil {
		return nil
	}
	since := "since " + r.Since.UTC().Format(time.RFC3339)
	if r.Since.IsZero() {
		since = "for a moment" // what it touches is still looked for
	}
	switch r.State {
	case admin.RolloutSent:
		_, err := fmt.Fprintf(w, "has the policy that goes out %s\n", since)
		return err
	case admin.RolloutPaused:
		fmt.Fprintf(w, "waits: the policy goes out no further %s: %s\n", since, quote.Text(r.Remedy, quote.TextBytes))
	default:
		fmt.Fprintf(w, "waits: the policy goes out %s, and its turn comes\n", since)
	}
	for _, s := range r.Still {
		fmt.Fprintf(w, "is still served with: %s: %s (then %s: %s)\n", quote.Text(s.Field, quote.TextBytes), orUnset(s.Has), orUnset(s.Gets), quote.Text(s.Source, quote.TextBytes))
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(w, "%s\n", quote.JSON(text))
	}
	return err
}

func printExplanation(w io.Writer, x policy.Explanation, asJSON bool) error {
	if asJSON {
		return printJSON(w, x)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FIELD\tVALUE\tSOURCE")
	for _, f := range x.Fields {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Field, quote.Text(strings.Trim(string(f.Value), `"`), quote.TextBytes), quote.Text(f.Source, quote.TextBytes))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, one := range x.Problems {
		fmt.Fprintf(w, "does not count: %s: %s: %s\n", quote.Text(one.Source, quote.TextBytes), quote.Text(one.Detail, quote.TextBytes), one.Remedy)
	}
	for _, one := range x.NoEffect {
		fmt.Fprintf(w, "has no effect: %s: %s: %s\n", one.Field, quote.Text(one.Detail, quote.TextBytes), one.Remedy)
	}
	return nil
}
