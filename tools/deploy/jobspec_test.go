package deploy

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/nomad/api"
	"github.com/zclconf/go-cty/cty"
)

// Nomad itself reads a job with the hcl tags of its API's types. So does this, strictly: it finds unknown blocks,
// unknown keys, values of another kind and spans of time that are none. What a driver knows of its config block, and
// what makes sense together, it cannot say.

// jobFile is a job and the variables that it is given.
type jobFile struct {
	job  *hclsyntax.Block
	vars *hcl.EvalContext
	said []string // mistakes
}

// readJob reads a file, with these values for variables that have no default.
func readJob(name, text string, given map[string]string) (*jobFile, error) {
	file, diags := hclsyntax.ParseConfig([]byte(text), name, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	f := &jobFile{}
	vars := map[string]cty.Value{}
	for _, b := range file.Body.(*hclsyntax.Body).Blocks {
		switch {
		case b.Type == "variable" && len(b.Labels) == 1:
			if value, is := given[b.Labels[0]]; is {
				vars[b.Labels[0]] = cty.StringVal(value)
				continue
			}
			d, is := b.Body.Attributes["default"]
			if !is {
				return nil, fmt.Errorf("%s: variable %s has no default", name, b.Labels[0])
			}
			value, diags := d.Expr.Value(nil) // Nomad allows no references here
			if diags.HasErrors() {
				return nil, diags
			}
			vars[b.Labels[0]] = value
		case b.Type == "job" && len(b.Labels) == 1 && f.job == nil:
			f.job = b
		default:
			return nil, fmt.Errorf("%s: a block %s %v", b.Range(), b.Type, b.Labels)
		}
	}
	if f.job == nil {
		return nil, fmt.Errorf("%s: no job", name)
	}
	f.vars = &hcl.EvalContext{Variables: map[string]cty.Value{"var": cty.ObjectVal(vars)}}
	f.body(f.job.Body, reflect.TypeFor[api.Job](), "job")
	return f, nil
}

func (f *jobFile) fail(at hcl.Range, format string, args ...any) {
	f.said = append(f.said, at.String()+": "+fmt.Sprintf(format, args...))
}

// body checks a block's body against the type that Nomad reads it into.
func (f *jobFile) body(b *hclsyntax.Body, t reflect.Type, where string) {
	fields := tagged(t)
	for name, a := range b.Attributes {
		to, known := fields[name]
		value, diags := a.Expr.Value(f.vars)
		switch {
		case diags.HasErrors():
			f.fail(a.Range(), "%v", diags)
		case !known || to.kind == "block" && base(to.of).Kind() != reflect.Map:
			f.fail(a.Range(), "%s has no key %q", where, name)
		case !fits(value, to.of):
			f.fail(a.Range(), "%s in %s is not a %v", name, where, base(to.of))
		}
	}
	for _, inner := range b.Blocks {
		to, known := fields[inner.Type]
		if !known || to.kind != "block" {
			f.fail(inner.Range(), "%s has no block %q", where, inner.Type)
			continue
		}
		if to := base(to.of); to.Kind() == reflect.Struct {
			if labelled(to) != (len(inner.Labels) == 1) {
				f.fail(inner.Range(), "block %s has the labels %v", inner.Type, inner.Labels)
			}
			f.body(inner.Body, to, inner.Type)
			continue
		}
		for _, a := range inner.Body.Attributes { // env, meta, config: any keys
			if _, diags := a.Expr.Value(f.vars); diags.HasErrors() {
				f.fail(a.Range(), "%v", diags)
			}
		}
	}
}

// field is where a key or a block goes.
type field struct {
	of   reflect.Type
	kind string // of the tag: optional, block
}

// tagged returns the fields of a type by the names in their hcl tags.
func tagged(t reflect.Type) map[string]field {
	all := map[string]field{}
	for f := range t.Fields() {
		if name, kind, _ := strings.Cut(f.Tag.Get("hcl"), ","); name != "" {
			all[name] = field{f.Type, kind}
		}
	}
	return all
}

// labelled reports whether a block has a name besides its type.
func labelled(t reflect.Type) bool {
	for f := range t.Fields() {
		if _, kind, _ := strings.Cut(f.Tag.Get("hcl"), ","); kind == "label" {
			return true
		}
	}
	return false
}

// base strips pointers and slices of blocks.
func base(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.String {
		t = t.Elem()
	}
	return t
}

// fits reports whether a value can be read into a type.
func fits(v cty.Value, t reflect.Type) bool {
	t = base(t)
	switch {
	case t == reflect.TypeFor[time.Duration]():
		if v.Type() != cty.String {
			return false
		}
		_, err := time.ParseDuration(v.AsString())
		return err == nil
	case t.Kind() == reflect.String:
		return v.Type() == cty.String
	case t.Kind() == reflect.Bool:
		return v.Type() == cty.Bool
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64:
		return v.Type() == cty.Number
	case t.Kind() == reflect.Slice:
		return v.Type().IsTupleType() || v.Type().IsListType()
	case t.Kind() == reflect.Map:
		return v.Type().IsObjectType()
	}
	return false
}

// find returns the blocks of a type under a block, wherever they are.
func find(b *hclsyntax.Body, kind string) (found []*hclsyntax.Block) {
	for _, inner := range b.Blocks {
		if inner.Type == kind {
			found = append(found, inner)
		}
		found = append(found, find(inner.Body, kind)...)
	}
	return found
}

// text returns the value of a key, which is a text; empty: there is none.
func (f *jobFile) text(b *hclsyntax.Block, key string) string {
	a, is := b.Body.Attributes[key]
	if !is {
		return ""
	}
	v, diags := a.Expr.Value(f.vars)
	if diags.HasErrors() || v.Type() != cty.String {
		f.fail(a.Range(), "%s is not a text", key)
		return ""
	}
	return v.AsString()
}
