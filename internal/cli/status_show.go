package cli

import (
	"fmt"
	"strings"

	"legate/internal/admin"
	"legate/internal/quote"
	"legate/xdsserver"
)

// maxConcerns is how many things to look at are listed.
const maxConcerns = 10

// show writes a report for people.
func (s *sheet) show(r statusReport, all bool) error {
	var b strings.Builder
	for _, line := range s.above(r) {
		b.WriteString(line + "\n")
	}
	s.sites(&b, r)
	b.WriteString("\n" + sumOf(r) + "\n")
	s.table(&b, r, all)
	_, err := s.out.Write([]byte(b.String()))
	return err
}

// above are the lines about Legate itself.
func (s *sheet) above(r statusReport) []string {
	var lines []string
	line := func(name, colour, text string) {
		name = fmt.Sprintf("%-11s", name)
		body := strings.TrimLeft(s.indented(len(name)+1, quote.Text(text, quote.TextBytes)), " ")
		if colour != "" {
			body = s.paint(colour, body)
		}
		lines = append(lines, name+" "+body)
	}
	switch {
	case !r.Ready:
		line("ready", red, "no: "+r.NotReady)
	case r.Stale != "":
		line("ready", yellow, "yes, stale: "+r.Stale)
	default:
		line("ready", "", "yes, up for "+spanOf(r.Now.Sub(r.started)))
	}
	consul := fmt.Sprintf("%s at %s", r.Consul.State, r.Consul.Address)
	if r.Consul.Datacenter != "" {
		consul += fmt.Sprintf(": %s of %s", plural(r.Consul.Services, "service"), r.Consul.Datacenter)
		if r.Consul.Listed > 0 {
			consul += fmt.Sprintf(", which clients ask for, of %d that are listed", r.Consul.Listed)
		}
	}
	if !r.Consul.LastSuccess.IsZero() {
		consul += ", last answer " + spanOf(r.Now.Sub(r.Consul.LastSuccess)) + " ago"
	}
	line("consul", map[bool]string{true: yellow}[r.Consul.LastError != ""], consul)
	if r.Consul.LastError != "" {
		line("", yellow, r.Consul.LastError)
	}
	if r.Held == 0 {
		line("held", "", "nothing")
	} else {
		line("held", yellow, plural(r.Held, "hold")+` of losses in Consul: "legate holds list" shows them`)
	}
	line("last known", "", r.LastKnown)
	switch of := r.Registration; {
	case of == nil:
	case of.Registered():
		line("registered", "", fmt.Sprintf("in Consul as %s at %s for %s, checked by %s", of.Name, of.Address, spanOf(r.Now.Sub(of.Since)), strings.Join(of.Checks, " and ")))
	case of.Problem == "":
		line("registered", yellow, fmt.Sprintf("not in Consul as %s: Legate is not ready, or stops", of.Name))
	default:
		line("registered", yellow, fmt.Sprintf("not in Consul as %s, or DNS does not name it: %s", of.Name, of.Problem))
	}
	if o := r.Rollout; o == nil {
		line("rollout", "", "none")
	} else {
		said, colour := fmt.Sprintf("%d of %d clusters have the new policy", o.Changed, o.Total()), ""
		if !o.Paused.IsZero() {
			said, colour = fmt.Sprintf("waits for %s after %s: clients reject what it changed", spanOf(r.Now.Sub(o.Paused)), said), yellow
		}
		line("rollout", colour, said)
	}
	if len(r.Concerns) == 0 {
		line("to look at", "", "nothing")
		return lines
	}
	line("to look at", yellow, plural(len(r.Concerns), "thing"))
	for _, c := range r.Concerns[:min(len(r.Concerns), maxConcerns)] {
		lines = append(lines, s.paint(map[string]string{"critical": red}[c.Severity], s.indented(2, c.Severity+": "+c.What)))
		for _, more := range []string{c.Detail, c.Remedy} {
			if more != "" {
				lines = append(lines, s.indented(4, quote.Text(more, quote.TextBytes)))
			}
		}
	}
	if more := len(r.Concerns) - maxConcerns; more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more: --json has all", more))
	}
	return lines
}

// sumOf says in a line how many nodes and types there are in each state.
func sumOf(r statusReport) string {
	if len(r.Nodes)+len(r.Pollers) == 0 {
		return `no Envoy is connected: "legate bootstrap envoy" makes a configuration for one`
	}
	var sums []string
	for _, state := range []admin.State{xdsserver.Nacked, xdsserver.Stale, xdsserver.NotSent, xdsserver.Synced} {
		if n := r.States[state]; n > 0 {
			sums = append(sums, fmt.Sprintf("%d %s", n, state))
		}
	}
	said := plural(len(r.Nodes), "node")
	if len(sums) > 0 {
		said += "; of their types " + strings.Join(sums, ", ")
	}
	if n := len(r.Pollers); n > 0 {
		said += fmt.Sprintf("; and %s over REST, where only what it had when it asked last is known: --all lists that", plural(n, "node"))
	}
	return said
}
