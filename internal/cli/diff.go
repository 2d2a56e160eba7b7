package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"legate/internal/compare"
	"legate/internal/quote"
	"legate/translate"
	"legate/translate/policy"
)

// exitDifferent is the answer of "legate diff" if the two are not equal.
const exitDifferent outcome = 4

func (p *program) diff() *command {
	var rules string
	var asJSON bool
	var paths []string
	c := &command{
		name:  "diff",
		usage: "say how two saved catalogs, or two outputs of render, differ",
		about: `
It compares what Envoy would get: clusters with their policy, and endpoints with health, weight
and place. A and B are files: a catalog (render --save-catalog), the last known catalog of a
--state-dir, or an output of "legate render", in any combination. What is in A and not in B has
gone (-), what is in B and not in A has come (+), the rest has changed (~). Exit code 0: they are equal;
4: they differ; 1: one of them cannot be read.`,
		examples: `
# what a deployment has changed in Consul
legate render --save-catalog before.json
legate render --save-catalog after.json
legate diff before.json after.json

# what another version, or another policy, makes of the same catalog
legate render --catalog before.json --policy new.yaml > new.yaml.out
legate diff before.json new.yaml.out

# a script
legate diff --json before.json after.json | jq -r .service | sort -u`,
		operand: operand{"A B", 2, 2, func(words []string) { paths = words }},
		settings: []*setting{
			policySetting(&rules),
			boolean(&asJSON, setting{name: "json", env: "LEGATE_DIFF_JSON", category: "Output", usage: "Print an object for each difference, one a line."}),
		},
	}
	c.run = func(context.Context) error {
		policies, err := loadPolicy(rules)
		if err != nil {
			return err
		}
		a, err := readServed(paths[0], policies)
		if err != nil {
			return err
		}
		b, err := readServed(paths[1], policies)
		if err != nil {
			return err
		}
		return p.printDifferences(a, b, asJSON)
	}
	return c
}

// printDifferences prints how b differs from a.
func (p *program) printDifferences(a, b served, asJSON bool) error {
	var out bytes.Buffer
	live := terminal(p.out) && p.getenv("TERM") != "dumb" && p.getenv("NO_COLOR") == ""
	names := maps.Clone(a.services)
	maps.Copy(names, b.services)
	came, gone, changed := 0, 0, 0
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, is := a.services[name], b.services[name]
		changes := compare.Changes(name, was, is)
		for _, c := range changes {
			if asJSON {
				writeObject(&out, c)
			} else {
				fmt.Fprintln(&out, paint(live, c.Sign, c.String()))
			}
		}
		switch {
		case len(changes) == 0:
		case was == compare.Service{}:
			came++
		case is == compare.Service{}:
			gone++
		default:
			changed++
		}
	}
	problems := 0
	if a.translated && b.translated {
		appeared, over := b.resources.DiffProblems(a.resources)
		problems = len(appeared) + len(over)
		for _, one := range appeared {
			writeProblem(&out, asJSON, compare.Added, one)
		}
		for _, one := range over {
			writeProblem(&out, asJSON, compare.Removed, one)
		}
	}
	different := came+gone+changed+problems > 0
	switch {
	case asJSON:
	case different:
		fmt.Fprintf(&out, "%s came, %d gone, %d changed, of %d\n", plural(came, "service"), gone, changed, len(names))
	default:
		fmt.Fprintf(&out, "equal: %s\n", plural(len(names), "service"))
	}
	if _, err := p.out.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if different {
		return exitDifferent
	}
	return nil
}

// problemLine is a problem that there is in one of the two only.
type problemLine struct {
	Service  string           `json:"service"` // with its datacenter
	Sign     compare.Sign     `json:"op"`
	Of       string           `json:"what"` // problem
	Instance string           `json:"instance,omitempty"`
	Reason   translate.Reason `json:"reason"`
	Detail   string           `json:"detail"`
}

func writeProblem(out *bytes.Buffer, asJSON bool, sign compare.Sign, p translate.Problem) {
	if asJSON {
		writeObject(out, problemLine{p.Service, sign, "problem", p.Instance, p.Reason, p.Detail})
		return
	}
	if sign == compare.Removed {
		out.WriteString("no longer ")
	}
	printProblems(out, []translate.Problem{p})
}

// writeObject writes a value as a line of JSON. It must hold only what JSON has.
func writeObject(out *bytes.Buffer, value any) {
	content, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	out.Write(append(quote.JSON(content), '\n'))
}

// served is what a file says that Envoy gets.
type served struct {
	services map[string]compare.Service
	// translated: it was a catalog, so resources knows what is left out, too.
	translated bool
	resources  translate.Resources
}

// add adds resources to the services.
func (s *served) add(name string, put func(*compare.Service) error) error {
	one := s.services[name]
	if err := put(&one); err != nil {
		return err
	}
	s.services[name] = one
	return nil
}

func (s *served) take(r translate.Resources, p policy.Policies) error {
	s.translated = true
	s.resources, _ = r.With(p)
	for r := range s.resources.All() {
		if err := s.add(r.Name.Name, func(one *compare.Service) error { return one.Put(r) }); err != nil {
			return err
		}
	}
	return nil
}
