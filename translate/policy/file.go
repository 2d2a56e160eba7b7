package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"legate/translate/filter"
)

// File is one file of policies, as YAML or JSON.
type File struct {
	Name    string // as mistakes and sources name it
	Content []byte
}

// Parse reads the operator's files. Of several, defaults of a later one are stronger, and rules come in
// the order of the files. The error has all mistakes, one a line, each with file, line and remedy; there
// are no policies then.
func Parse(files []File) (Policies, error) {
	var p Policies
	var errs []error
	for _, f := range files {
		d := &decoder{file: f.Name}
		d.read(f.Content, &p)
		errs = append(errs, d.errs...)
		p.notes = append(p.notes, d.notes...)
	}
	if len(errs) > 0 {
		return Policies{}, errors.Join(errs...)
	}
	p.index = indexOf(p.rules)
	return p, nil
}

func (d *decoder) read(content []byte, p *Policies) {
	in := yaml.NewDecoder(bytes.NewReader(content))
	var doc yaml.Node
	switch err := in.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return // an empty file says nothing
	case err != nil:
		d.errs = append(d.errs, fmt.Errorf("%s%s: look at the indentation here and just before, which is of spaces and never of tabs, and at quotes and brackets that are not closed",
			d.file, notYAML(err)))
		return
	}
	if err := in.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		d.errs = append(d.errs, fmt.Errorf("%s: more than one YAML document: remove the second one", d.file))
		return
	}
	d.each(doc.Content[0], "the file", fileLevel, fileNames, func(key, value *yaml.Node) {
		switch key.Value {
		case "owners":
			d.owners(value, p)
		case "defaults":
			says := d.layer(value, "defaults", Source{Defaults, d.at(key)}, nil)
			d.check(says, Merge(append(slices.Clone(p.defaults), says)...).policy())
			p.defaults = append(p.defaults, says)
		case "services":
			d.list(value, "services", "- match: {names: [web]}", func(at int, n *yaml.Node) { d.rule(n, at, p) })
		}
	})
}

// notYAML is what the YAML parser says, with the line where other mistakes have it.
func notYAML(err error) string {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line, detail, is := strings.Cut(strings.TrimPrefix(text, "line "), ": ")
	if _, err := strconv.Atoi(line); !is || err != nil {
		return ": not YAML: " + text
	}
	return ":" + line + ": not YAML: " + detail
}

func (d *decoder) at(n *yaml.Node) string { return fmt.Sprintf("%s:%d", d.file, n.Line) }

// owners reads which fields owners may set: patterns of their names. An empty list switches owners off.
func (d *decoder) owners(n *yaml.Node, p *Policies) {
	if p.owners == nil {
		p.owners = []string{}
	}
	d.list(n, "owners", "- protocol", func(_ int, n *yaml.Node) {
		pattern := d.text(n, "owners")
		one := &Policies{owners: []string{pattern}}
		if !slices.ContainsFunc(policySchema().fields, func(f *Field) bool { return f.Owner && one.allows(f) }) {
			d.fail(n, "owners: no field that owners may set is called %s: write names such as protocol or circuit_breakers.*, see docs/policy.md", quote(pattern))
		}
		p.owners = append(p.owners, pattern)
	})
}

func (d *decoder) rule(n *yaml.Node, at int, p *Policies) {
	what := fmt.Sprintf("services[%d]", at)
	r := rule{where: d.at(n)}
	before := len(d.errs)
	has := func(key string) bool { return hasKey(n, key) }
	r.says = d.layer(n, what, Source{Services, d.at(n)}, map[string]func(*yaml.Node){"match": func(n *yaml.Node) {
		r.match = d.match(n, what+".match")
	}})
	switch {
	case !has("match") && !slices.ContainsFunc(matchNames, has):
		d.fail(n, "%s has no match, so nobody knows for which services it is: set match, such as match: {names: [web]}; what holds for all services belongs under defaults", what)
	case len(d.errs) == before && r.match.empty():
		d.fail(n, "%s.match has no condition: set names, datacenters, peers, ports, tags, meta or filter; what holds for all services belongs under defaults", what)
	}
	d.check(r.says, r.says.policy())
	p.rules = append(p.rules, r)
}

func (d *decoder) match(n *yaml.Node, what string) match {
	var m match
	texts := func(n *yaml.Node) (all []string) {
		if n.Kind == yaml.ScalarNode {
			return []string{n.Value}
		}
		d.list(n, what, "- web", func(_ int, n *yaml.Node) { all = append(all, d.text(n, what)) })
		return all
	}
	d.each(n, what, matchLevel, matchNames, func(key, value *yaml.Node) {
		switch key.Value {
		case "names":
			m.names = texts(value)
		case "datacenters":
			m.datacenters = texts(value)
		case "peers":
			m.peers = texts(value)
		case "ports":
			m.ports = texts(value)
		case "tags":
			m.tags = texts(value)
		case "meta":
			m.meta = d.texts(value, what+".meta")
		case "filter":
			var err error
			if m.filter, err = filter.New(d.text(value, what)); err != nil {
				d.fail(value, "%s.filter: %s", what, strings.ReplaceAll(err.Error(), "\n", " "))
			}
		}
	})
	if len(m.datacenters) > 0 && len(m.peers) > 0 {
		d.fail(n, "%s has datacenters and peers, and no service has both: write a rule for each", what)
	}
	return m
}

// check notes the mistakes of what a file says. What is only lacking may come from another source.
func (d *decoder) check(says Layer, p Policy) {
	for _, m := range p.Validate() {
		if len(m.Lacks) > 0 {
			continue
		}
		line := 0
		for _, path := range m.Fields {
			if v := says.get(policySchema().byPath[path]); v != nil {
				line = max(line, v.line)
			}
		}
		d.errs = append(d.errs, fmt.Errorf("%s:%d: %w", d.file, line, m))
	}
}
