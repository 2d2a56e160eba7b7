package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decoder reads policies of one file, and notes its mistakes.
type decoder struct {
	file  string
	errs  []error
	notes []Warning
}

func (d *decoder) fail(n *yaml.Node, format string, args ...any) {
	d.errs = append(d.errs, fmt.Errorf("%s:%d: %s", d.file, n.Line, fmt.Sprintf(format, args...)))
}

// each calls do for each key of a mapping and its value; names are the keys that it may have. A key without
// a value says nothing, and is noted.
func (d *decoder) each(n *yaml.Node, what string, l level, names []string, do func(key, value *yaml.Node)) {
	if n = follow(n); isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fail(n, "%s must hold keys and values: %s", what, strings.Join(names, ", "))
		return
	}
	first := map[string]int{}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], follow(n.Content[i+1])
		line, twice := first[key.Value]
		first[key.Value] = key.Line
		switch {
		case key.Value == "<<" && key.Tag == "!!merge":
			d.fail(key, "merge keys (<<) are not supported: write the fields out, or put them under defaults")
		case twice:
			d.fail(key, "%s is there twice, first in line %d: remove one", quote(key.Value), line)
		case !slices.Contains(names, key.Value):
			d.unknown(key, n, what, l, names)
		case !isNull(value):
			do(key, value)
		case l != fileLevel:
			d.notes = append(d.notes, Warning{d.at(key), key.Value + " has no value and says nothing", "indent what it shall hold deeper than it, or remove it"})
		}
	}
}

// list calls do for each element of a list; example is one as it is written.
func (d *decoder) list(n *yaml.Node, what, example string, do func(at int, n *yaml.Node)) {
	if n = follow(n); isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.fail(n, "%s must be a list: put each element into a line of its own that begins with a dash, or all of them into [ ], such as %s", what, example)
		return
	}
	for at, one := range n.Content {
		do(at, follow(one))
	}
}

// layer reads the fields of a policy. Whoever else has keys in the same mapping gets them by other.
func (d *decoder) layer(n *yaml.Node, what string, s Source, other map[string]func(*yaml.Node)) Layer {
	var l Layer
	d.group(n, what, ruleLevel, "", policySchema(), other, func(f *Field, v reflect.Value, line int) {
		l = append(l, &Value{Field: f, Source: s, text: textOf(v), value: v, line: line})
	})
	l.sort()
	return l
}

// group reads the fields of one group of a schema, and of the groups in it.
func (d *decoder) group(n *yaml.Node, what string, l level, path string, s *schema, other map[string]func(*yaml.Node), found func(*Field, reflect.Value, int)) {
	names := slices.Clone(s.names[path])
	for name := range other {
		names = append(names, name)
	}
	slices.Sort(names[len(s.names[path]):])
	said := false
	d.each(n, what, l, names, func(key, value *yaml.Node) {
		said = true
		if do := other[key.Value]; do != nil {
			do(value)
			return
		}
		full := strings.TrimPrefix(path+"."+key.Value, ".")
		f := s.byPath[full]
		if f == nil {
			d.group(value, full, level(full), full, s, nil, found)
			return
		}
		if v, ok := d.value(f, value); ok {
			found(f, v, key.Line)
		}
	})
	if n = follow(n); !said && path != "" && n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		d.fail(n, "%s is empty and says nothing: set one of its fields, such as %s", what, names[0])
	}
}

func (d *decoder) value(f *Field, n *yaml.Node) (reflect.Value, bool) {
	before := len(d.errs)
	var v reflect.Value
	switch {
	case f.elements() != nil:
		v = reflect.MakeSlice(f.typ, 0, len(n.Content))
		d.list(n, f.Path, "- "+f.elements().names[""][0]+": ...", func(at int, n *yaml.Node) {
			one := reflect.New(f.typ.Elem()).Elem()
			d.group(n, fmt.Sprintf("%s[%d]", f.Path, at), level(f.Path), "", f.elements(), nil, func(f *Field, v reflect.Value, _ int) { f.in(one).Set(v) })
			v = reflect.Append(v, one)
		})
	case f.typ == reflect.TypeFor[[]string]():
		texts := []string{}
		d.list(n, f.Path, "- x", func(_ int, n *yaml.Node) { texts = append(texts, d.text(n, f.Path)) })
		v = reflect.ValueOf(texts)
	case f.typ == reflect.TypeFor[Sites]() && n.Kind != yaml.ScalarNode:
		sites := Sites{}
		d.list(n, f.Path, "[dc2, cluster01.peer]", func(_ int, n *yaml.Node) { sites = append(sites, d.text(n, f.Path)) })
		v = reflect.ValueOf(sites)
	case f.typ == reflect.TypeFor[map[string]string]():
		v = reflect.ValueOf(d.texts(n, f.Path))
	case f.typ == reflect.TypeFor[*Raw]():
		v = reflect.ValueOf(d.raw(n, f.Path))
	default:
		var err error
		if v, err = f.parse(d.text(n, f.Path)); err != nil && len(d.errs) == before {
			d.fail(n, "%s: %s", f.Path, err)
		}
	}
	return v, len(d.errs) == before
}

// text is a plain value as it is written.
func (d *decoder) text(n *yaml.Node, what string) string {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		d.fail(n, "%s must be a plain value", what)
		return ""
	}
	return n.Value
}

// texts are plain values by their keys.
func (d *decoder) texts(n *yaml.Node, what string) map[string]string {
	all := map[string]string{}
	if n.Kind != yaml.MappingNode {
		d.fail(n, "%s must hold keys and values", what)
		return all
	}
	for i := 0; i < len(n.Content); i += 2 {
		all[n.Content[i].Value] = d.text(follow(n.Content[i+1]), what)
	}
	return all
}

// jsonOf is YAML as JSON, with sorted keys.
func jsonOf(n *yaml.Node) ([]byte, error) {
	var value any
	if err := n.Decode(&value); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, errors.New("keys must be texts")
	}
	return text, nil
}

func follow(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// hasKey reports whether a mapping has a key, be it without a value.
func hasKey(n *yaml.Node, key string) bool {
	for i := 0; n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }
