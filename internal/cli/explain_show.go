package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"legate/internal/admin"
	"legate/internal/quote"
	"legate/xdsserver"
)

// What is shown at most of a service that has very much: --json has all.
const (
	maxExplainedProblems  = 10
	maxExplainedInstances = 50
)

// explainer writes what there is to say of a service.
type explainer struct {
	*sheet
	explanation
	b strings.Builder
}

// explain writes what there is to say of a service, up to its changes.
func (s *sheet) explain(x explanation, changed bool) error {
	e := &explainer{sheet: s, explanation: x}
	colour, sentence := e.verdict()
	e.line(0, colour, sentence)
	if !e.consul.Connected {
		e.line(0, yellow, "As last known: Consul "+e.consul.State()+" ("+cmp.Or(e.consul.LastError, "no error yet")+").")
	}
	e.problems()
	if len(e.Sites) > 0 {
		e.b.WriteString("\nwhere\n")
		for _, one := range e.Sites {
			e.line(2, map[bool]string{true: yellow}[one.Stale && one.Share > 0], one.Says)
		}
	}
	e.b.WriteString("\ninstances\n")
	if f := e.SeenFrom; f != nil {
		e.line(2, "", "with the priorities for "+quote.Name(f.Node)+": "+f.Says)
	}
	if len(e.Instances) == 0 {
		e.line(2, "", "none")
	}
	for _, i := range e.Instances[:min(len(e.Instances), maxExplainedInstances)] {
		e.tell(i)
	}
	e.more(len(e.Instances) - maxExplainedInstances)
	e.b.WriteString("\nclients\n")
	e.clients()
	e.envoys()
	e.b.WriteString("\npolicy\n")
	e.policy()
	e.b.WriteString("\nchanges\n")
	if changed {
		e.b.WriteString(changesHead + "\n")
	} else {
		e.line(2, "", "none is remembered since Legate's start")
	}
	_, err := s.out.Write([]byte(e.b.String()))
	return err
}

// line writes a sentence, broken at the width of the terminal.
func (e *explainer) line(by int, colour, text string) {
	e.b.WriteString(e.paint(colour, e.indented(by, quote.Text(text, quote.DataBytes))) + "\n")
}

// more says how many are not shown.
func (e *explainer) more(n int) {
	if n > 0 {
		e.line(2, "", fmt.Sprintf("and %d more: --json has all", n))
	}
}

// verdict is the first sentence.
func (e *explainer) verdict() (colour, sentence string) {
	mood, sentence := e.Traffic()
	name := quote.Name(e.Name)
	if e.instance != "" {
		var says string
		mood, says = e.Instances[0].State.Words()
		name, sentence = name+"/"+quote.Name(e.instance), says+"; of the service: "+sentence
	}
	colour = map[string]string{"good": green, "warn": yellow, "bad": red}[mood]
	if n := len(e.Problems); n > 0 {
		sentence += fmt.Sprintf(", with %s", plural(n, "problem"))
		if mood == "good" {
			colour = yellow
		}
	}
	return colour, name + ": " + sentence + "."
}

// problems are those that no instance's row tells as well.
func (e *explainer) problems() {
	var left []admin.ServiceProblem
	for _, p := range e.Problems {
		if !slices.ContainsFunc(e.Instances, func(i admin.Instance) bool { return p.Instance == i.Node+"/"+i.ID && p.Detail == i.Why }) {
			left = append(left, p)
		}
	}
	if len(left) == 0 {
		return
	}
	e.line(0, "", "")
	e.line(0, "", "problems")
	for _, p := range left[:min(len(left), maxExplainedProblems)] {
		of := ""
		if p.Instance != "" {
			of = " (instance " + quote.Name(p.Instance) + ")"
		}
		e.line(2, red, p.Reason+of+": "+p.Detail)
		if p.Remedy != "" {
			e.line(4, "", p.Remedy)
		}
	}
	e.more(len(left) - maxExplainedProblems)
}

// tell tells of an instance that takes traffic in a line, unless it shall be in full.
func (e *explainer) tell(i admin.Instance) {
	full := e.instance != ""
	mood, says := i.State.Words()
	gets := make([]string, len(i.Endpoints))
	for n, one := range i.Endpoints {
		gets[n] = endpointText(one)
	}
	colour := map[string]string{"good": green, "warn": yellow, "bad": red}[mood]
	name := quote.Name(i.Node) + "/" + quote.Name(i.ID)
	if i.Site != "" {
		name += " in " + quote.Name(i.Site)
	}
	if (i.State == admin.Serving || i.State == admin.Reserve) && !full {
		e.line(2, "", fmt.Sprintf("%s %s: %s", name, says, strings.Join(gets, "; ")))
		return
	}
	e.line(2, colour, name+" "+says)
	checks := ""
	for _, c := range i.Checks {
		checks += ", check " + quote.Name(c.ID) + " " + quote.Name(c.Status)
		if c.Node {
			checks += " (of its node)"
		}
	}
	e.line(4, "", "Consul: "+strings.TrimSpace(i.Health+" "+i.HealthFor(e.now))+checks+"; registered at "+quote.Name(i.Address))
	if full {
		tags := "none"
		if len(i.Tags) > 0 {
			tags = strings.Join(i.Tags, ", ")
		}
		e.line(4, "", fmt.Sprintf("weight %d, when warning %d; tags: %s; index %d", i.Weights.Passing, i.Weights.Warning, tags, i.Index))
	}
	e.line(4, "", "Envoy: "+cmp.Or(strings.Join(gets, "; "), "gets nothing of it"))
	if i.Why != "" {
		e.line(4, "", "why: "+i.Why)
	}
	if i.Remedy != "" {
		e.line(4, "", "remedy: "+i.Remedy)
	}
}

func endpointText(e admin.Endpoint) string {
	text := fmt.Sprintf("%s %s, weight %d", quote.Name(e.Address), e.Health, e.Weight)
	if e.Priority > 0 {
		text += fmt.Sprintf(", priority %d", e.Priority)
	}
	if e.Region != "" {
		text += ", region " + e.Region
	}
	if e.Zone != "" {
		text += ", zone " + e.Zone
	}
	return text
}

// clients tells which clients have what is served now, and who does not.
func (e *explainer) clients() {
	views := map[string]bool{}
	for _, d := range e.Deliveries {
		views[d.View.String()] = true
	}
	if len(e.Deliveries) == 0 {
		e.line(2, "", "none: no client has asked for it")
	}
	for _, d := range e.Deliveries {
		what := d.Type
		if len(views) > 1 {
			what += " (" + d.View.String() + ")"
		}
		if d.Streams == 0 {
			e.line(2, "", what+": no client asks for it now")
			continue
		}
		said := []string{fmt.Sprintf("%d of %s as it is now", d.Acknowledged, plural(d.Streams, "client")+" "+has(d.Acknowledged, d.Streams))}
		for _, c := range []struct {
			n    int
			text string
		}{{d.Rejected, "rejected by"}, {d.InFlight, "not answered by"}, {d.NotSent, "not sent to"}} {
			if c.n > 0 {
				said = append(said, fmt.Sprintf("%s %d", c.text, c.n))
			}
		}
		e.line(2, "", what+": "+strings.Join(said, ", "))
		for _, m := range d.Missing {
			colour, why := yellow, ""
			if m.State == xdsserver.Nacked {
				colour = red
			}
			if m.Why != "" {
				why = ": " + m.Why
			}
			e.line(4, colour, fmt.Sprintf("%s %s since %s (%s)%s", quote.Name(cmp.Or(m.Node, "(no id)")), m.State, m.Since.UTC().Format("2006-01-02T15:04:05Z"), spanOf(max(0, e.now.Sub(m.Since))), why))
		}
		if more := d.Streams - d.Acknowledged - len(d.Missing); more > 0 {
			e.line(4, "", fmt.Sprintf("and %d more", more))
		}
	}
}

// has is the verb for n of so many.
func has(n, of int) string {
	if n == 1 || of == 1 {
		return "has it"
	}
	return "have it"
}

// policy tells what holds for it, and where it stands while a change goes out.
func (e *explainer) policy() {
	if e.Policy == nil {
		e.line(2, "", "none holds: it is not served")
		return
	}
	widths := [2]int{}
	for _, f := range e.Policy.Fields {
		widths = [2]int{max(widths[0], utf8.RuneCountInString(f.Field)), max(widths[1], utf8.RuneCountInString(valueOf(string(f.Value))))}
	}
	for _, f := range e.Policy.Fields {
		fmt.Fprintf(&e.b, "  %-*s  %-*s  %s\n", widths[0], quote.Text(f.Field, quote.TextBytes), widths[1], valueOf(string(f.Value)), quote.Text(f.Source, quote.TextBytes))
	}
	if r := e.Rollout; r != nil {
		e.line(2, yellow, fmt.Sprintf("a change of policy goes out: here it is %s. %s", r.State, r.Remedy))
		for _, f := range r.Still {
			e.line(4, "", fmt.Sprintf("%s is still %s, then %s", f.Field, orUnset(f.Has), orUnset(f.Gets)))
		}
	}
}

// valueOf is a value as a policy writes it, bounded so that one does not widen the table for all.
func valueOf(value string) string {
	var small bytes.Buffer
	if json.Compact(&small, []byte(value)) == nil { // of a running Legate it comes over many lines
		value = small.String()
	}
	return cutTo(quote.Text(strings.Trim(value, `"`), quote.TextBytes), 60)
}
