package policy

import (
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Field is one thing that a policy can say.
type Field struct {
	Path   string   // its name in files, with the groups that it is in: outlier_detection.interval
	Kind   string   // what is written: a word of kindOf
	Doc    string   // what it does, in a sentence or two
	Owner  bool     // whether a service's owner may set it by meta
	Low    string   // the least value, as it is written; empty without bounds
	High   string   // the greatest
	Values []string // the words that it takes; empty: any

	place int // in Fields
	index []int
	typ   reflect.Type
}

// Meta is the key of a service's meta that sets the field; empty if owners may not.
func (f *Field) Meta() string {
	if !f.Owner {
		return ""
	}
	return MetaPrefix + strings.NewReplacer("_", "-", ".", "-").Replace(f.Path)
}

// The kinds of fields, by their type. A list of structs is of kind "list".
var kindOf = map[reflect.Type]string{
	reflect.TypeFor[*string]():           "text",
	reflect.TypeFor[*bool]():             "true or false",
	reflect.TypeFor[*uint32]():           "number",
	reflect.TypeFor[*uint64]():           "number",
	reflect.TypeFor[*float64]():          "decimal",
	reflect.TypeFor[*Duration]():         "time span",
	reflect.TypeFor[*Percent]():          "percentage",
	reflect.TypeFor[*Size]():             "size",
	reflect.TypeFor[[]string]():          "list of texts",
	reflect.TypeFor[Sites]():             "places",
	reflect.TypeFor[map[string]string](): "texts by key",
	reflect.TypeFor[*Raw]():              "fields of a Cluster",
	reflect.TypeFor[[]HealthCheck]():     "list",
	reflect.TypeFor[[]Selector]():        "list",
}

// schema is the fields of a struct with policy tags.
type schema struct {
	fields []*Field
	byPath map[string]*Field
	byMeta map[string]*Field
	names  map[string][]string // what a group holds, by the group's path
}

var (
	policySchema   = sync.OnceValue(func() *schema { return schemaOf(reflect.TypeFor[Policy]()) })
	checkSchema    = sync.OnceValue(func() *schema { return schemaOf(reflect.TypeFor[HealthCheck]()) })
	selectorSchema = sync.OnceValue(func() *schema { return schemaOf(reflect.TypeFor[Selector]()) })
)

// Fields are all fields of a policy, in the order of the reference.
func Fields() []*Field { return slices.Clone(policySchema().fields) }

// CheckFields are those of one of health_checks, and SelectorFields those of one of subsets.selectors.
func CheckFields() []*Field    { return slices.Clone(checkSchema().fields) }
func SelectorFields() []*Field { return slices.Clone(selectorSchema().fields) }

// elements is the schema of a list's elements; nil if the field is no list of structs.
func (f *Field) elements() *schema {
	switch f.typ {
	case reflect.TypeFor[[]HealthCheck]():
		return checkSchema()
	case reflect.TypeFor[[]Selector]():
		return selectorSchema()
	default:
		return nil
	}
}

func schemaOf(t reflect.Type) *schema {
	s := &schema{byPath: map[string]*Field{}, byMeta: map[string]*Field{}, names: map[string][]string{}}
	s.add(t, "", nil)
	return s
}

func (s *schema) add(t reflect.Type, group string, index []int) {
	for i := range t.NumField() {
		of := t.Field(i)
		at := append(slices.Clone(index), i)
		if of.Anonymous {
			s.add(of.Type, group, at)
			continue
		}
		name := of.Tag.Get("policy")
		path := name
		if group != "" {
			path = group + "." + name
		}
		s.names[group] = append(s.names[group], name)
		if of.Type.Kind() == reflect.Struct {
			s.add(of.Type, path, at)
			continue
		}
		f := &Field{Path: path, Kind: kindOf[of.Type], Doc: of.Tag.Get("doc"), index: at, typ: of.Type, place: len(s.fields),
			Owner: of.Tag.Get("owner") != "no", Values: strings.Fields(of.Tag.Get("values"))}
		f.Low, f.High, _ = strings.Cut(of.Tag.Get("range"), "..")
		s.fields = append(s.fields, f)
		s.byPath[path] = f
		if f.Owner {
			s.byMeta[f.Meta()] = f
		}
	}
}

// in is the field's part of a struct.
func (f *Field) in(v reflect.Value) reflect.Value { return v.FieldByIndex(f.index) }
