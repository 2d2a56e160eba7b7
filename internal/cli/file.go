package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"legate/internal/files"
	"legate/internal/suggest"
)

// entry is one key of the configuration file.
type entry struct {
	values []string
	where  string // file:line
	was    former // by which name; empty: today's
}

// maxConfig is the size limit of a configuration file in bytes. Real ones have a few kilobytes.
const maxConfig = 1 << 20

// readFile reads a configuration file: blocks of keys. Every key must be that of a known setting
// (block.key): a misspelt key that is silently ignored would leave a default that nobody chose. All
// mistakes are reported at once, each with its line and a suggestion.
func readFile(path string, known []*setting) (map[string]entry, error) {
	text, err := files.Read(path, maxConfig)
	if err != nil {
		return nil, usageError{fmt.Errorf("--config %q: %w: give the path of a readable YAML file", path, reason(err))}
	}
	r := fileReader{path: path, known: known, out: map[string]entry{}}
	if err := r.read(bytes.NewReader(text)); err != nil {
		return nil, usageError{err}
	}
	return r.out, nil
}

type fileReader struct {
	path  string
	known []*setting
	out   map[string]entry
	errs  []error
}

func (r *fileReader) read(in io.Reader) error {
	d := yaml.NewDecoder(in)
	var doc yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil // an empty file sets nothing
	case err != nil:
		return fmt.Errorf("%s: not YAML: %s", r.path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: more than one YAML document: remove the second one", r.path)
	}
	r.each(doc.Content[0], "the file", func(block, body *yaml.Node) {
		if !slices.Contains(r.blocks(), block.Value) && !r.hadBlock(block.Value) {
			r.fail(block, "unknown block %q%s", block.Value, or(suggest.DidYouMean(block.Value, r.blocks()), ": the blocks are "+strings.Join(r.blocks(), ", ")))
			return
		}
		r.each(body, "block "+block.Value, func(key, value *yaml.Node) { r.key(block.Value, key, value) })
	})
	return errors.Join(r.errs...)
}

// each calls do for each key of a mapping and its value.
func (r *fileReader) each(n *yaml.Node, what string, do func(key, value *yaml.Node)) {
	n = follow(n)
	if null(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s must hold keys and values, such as\n  consul:\n    addr: 127.0.0.1:8500", what)
		return
	}
	seen := map[string]int{}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if line, twice := seen[key.Value]; twice {
			r.fail(key, "key %q is there twice, first in line %d: remove one", key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		do(key, n.Content[i+1])
	}
}

func (r *fileReader) key(block string, key, value *yaml.Node) {
	var was former
	i := slices.IndexFunc(r.known, func(s *setting) (is bool) {
		was, is = s.is(block + "." + key.Value)
		return is
	})
	if i < 0 {
		r.fail(key, "unknown key %q in block %s%s", key.Value, block,
			or(suggest.DidYouMean(key.Value, r.keys(block)), ": the keys are "+strings.Join(r.keys(block), ", ")))
		return
	}
	s, where := r.known[i], fmt.Sprintf("%s:%d", r.path, key.Line)
	if e, twice := r.out[s.key]; twice {
		r.fail(key, "%s is there twice, by its name of today and by a former one, first at %s: remove one", s.key, e.where)
		return
	}
	value = follow(value)
	switch {
	case null(value):
	case value.Kind == yaml.ScalarNode:
		r.out[s.key] = entry{values: []string{value.Value}, where: where, was: was}
	case value.Kind == yaml.SequenceNode && s.many:
		e := entry{where: where, was: was}
		for _, item := range value.Content {
			if item = follow(item); item.Kind != yaml.ScalarNode {
				r.fail(item, "%s must be a list of plain values", s.key)
				return
			}
			e.values = append(e.values, item.Value)
		}
		r.out[s.key] = e
	case s.many:
		r.fail(value, "%s must be a value or a list of values", s.key)
	default:
		r.fail(value, "%s must be one plain value", s.key)
	}
}

func (r *fileReader) fail(n *yaml.Node, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s:%d: %s", r.path, n.Line, fmt.Sprintf(format, args...)))
}

// blocks returns the known blocks in order.
func (r *fileReader) blocks() []string {
	var out []string
	for _, s := range r.known {
		if block, _, ok := strings.Cut(s.key, "."); ok && !slices.Contains(out, block) {
			out = append(out, block)
		}
	}
	return out
}

// hadBlock reports whether a setting had a key in that block.
func (r *fileReader) hadBlock(block string) bool {
	return slices.ContainsFunc(r.known, func(s *setting) bool {
		return slices.ContainsFunc(s.former, func(was former) bool { return strings.HasPrefix(was.key, block+".") })
	})
}

// keys returns the known keys of a block in order.
func (r *fileReader) keys(block string) []string {
	var out []string
	for _, s := range r.known {
		if b, key, _ := strings.Cut(s.key, "."); b == block && !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	return out
}

func follow(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func null(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func or(s, instead string) string {
	if s != "" {
		return s
	}
	return instead
}
