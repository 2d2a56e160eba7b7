package policy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
)

// Value is one field with what a source says of it.
type Value struct {
	Field  *Field
	Source Source
	text   string        // the value as JSON: equal values have equal texts
	value  reflect.Value // of the field's type, not nil
	line   int           // where it is in its file; 0: in none
}

// Text is the value as JSON, on one line.
func (v *Value) Text() string { return v.text }

// Show is the value as people write it: without quotes, if it is a plain one.
func (v *Value) Show() string {
	if s := ""; json.Unmarshal([]byte(v.text), &s) == nil {
		return s
	}
	return v.text
}

// Layer is what one source says: some fields, in the order of [Fields], each at most once.
type Layer []*Value

// LayerOf is what a policy says, as the word of a source.
func LayerOf(p Policy, s Source) Layer {
	var l Layer
	all := reflect.ValueOf(p)
	for _, f := range policySchema().fields {
		if v := f.in(all); !v.IsNil() {
			v = reflect.ValueOf(v.Interface()) // by itself: v is a part of all, and would hold it
			l = append(l, &Value{Field: f, Source: s, text: textOf(v), value: v})
		}
	}
	return l
}

// policy is the layer as a policy.
func (l Layer) policy() Policy {
	var p Policy
	all := reflect.ValueOf(&p).Elem()
	for _, v := range l {
		v.Field.in(all).Set(v.value)
	}
	return p
}

// get is what a layer says of a field; nil: nothing.
func (l Layer) get(f *Field) *Value {
	at, found := slices.BinarySearchFunc(l, f.place, func(v *Value, place int) int { return cmp.Compare(v.Field.place, place) })
	if !found {
		return nil
	}
	return l[at]
}

// without is the layer without what it says of a field.
func (l Layer) without(f *Field) Layer {
	return slices.DeleteFunc(slices.Clone(l), func(v *Value) bool { return v.Field == f })
}

// sort orders a layer as [Fields] does.
func (l Layer) sort() {
	slices.SortFunc(l, func(a, b *Value) int { return cmp.Compare(a.Field.place, b.Field.place) })
}

// textOf is a field's value as JSON.
func textOf(v reflect.Value) string {
	text, err := json.Marshal(plain(v))
	if err != nil {
		return strconv.Quote(err.Error()) // no type of the schema leads here
	}
	return string(text)
}

// plain is a value of the schema as JSON knows it.
func plain(v reflect.Value) any {
	switch one := v.Interface().(type) {
	case *Raw:
		return json.RawMessage(one.JSON)
	case fmt.Stringer:
		return one.String()
	case []HealthCheck:
		return plainList(one, checkSchema())
	case []Selector:
		return plainList(one, selectorSchema())
	default:
		return one
	}
}

func plainList[T any](list []T, s *schema) []map[string]any {
	all := make([]map[string]any, 0, len(list))
	for _, one := range list {
		fields, of := map[string]any{}, reflect.ValueOf(one)
		for _, f := range s.fields {
			if v := f.in(of); !v.IsNil() {
				fields[f.Path] = plain(v)
			}
		}
		all = append(all, fields)
	}
	return all
}
