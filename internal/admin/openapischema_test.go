package admin

import (
	"encoding"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/xdsserver"
)

// object is a JSON object. encoding/json sorts its keys.
type object = map[string]any

// schemas describes Go types as JSON is made of them, with their comments.
type schemas struct {
	t        *testing.T
	all      object
	comments map[string]string // of types, and of their fields: legate/discovery.Hold.Why
	read     map[string]bool   // packages
}

func newSchemas(t *testing.T) *schemas {
	return &schemas{t: t, all: object{}, comments: map[string]string{}, read: map[string]bool{}}
}

// enums are the values of types that have few.
var enums = map[reflect.Type][]string{
	reflect.TypeFor[State]():         {string(xdsserver.Synced), string(xdsserver.Stale), string(xdsserver.NotSent), string(xdsserver.Nacked)},
	reflect.TypeFor[InstanceState](): {string(LeftOut), string(NoTraffic), string(Standby), string(Serving), string(Reserve)},
	reflect.TypeFor[RolloutState]():  {string(RolloutWaiting), string(RolloutPaused), string(RolloutSent)},
}

// of is the schema of a type; a struct is referred to by its name.
func (s *schemas) of(typ reflect.Type) object {
	s.t.Helper()
	switch {
	case typ == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case typ == reflect.TypeFor[json.RawMessage]():
		return object{"description": "any JSON"}
	case typ.Kind() == reflect.Pointer:
		return s.of(typ.Elem())
	case typ.Implements(reflect.TypeFor[json.Marshaler]()):
		s.t.Fatalf("%v encodes itself: say how", typ)
	case typ.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return object{"type": "string"}
	}
	switch typ.Kind() {
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.String:
		if values, few := enums[typ]; few {
			return object{"type": "string", "enum": values}
		}
		return object{"type": "string"}
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Uint8, reflect.Uint32, reflect.Uint64:
		return object{"type": "integer", "format": "int64"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice:
		return object{"type": "array", "items": s.of(typ.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(typ.Elem())}
	case reflect.Struct:
		name := nameOfType(typ)
		if _, known := s.all[name]; !known {
			s.all[name] = nil // it may refer to itself
			s.all[name] = s.ofStruct(typ)
		}
		return object{"$ref": "#/components/schemas/" + name}
	}
	s.t.Fatalf("%v: no schema is known", typ)
	return nil
}

// nameOfType names a type of this package by its name, and others with the name of their package before it.
func nameOfType(typ reflect.Type) string {
	pkg := typ.PkgPath()[strings.LastIndexByte(typ.PkgPath(), '/')+1:]
	if pkg == "admin" {
		return typ.Name()
	}
	return strings.ToUpper(pkg[:1]) + pkg[1:] + typ.Name()
}

func (s *schemas) ofStruct(typ reflect.Type) object {
	properties, required := object{}, []string{}
	s.fields(typ, properties, &required)
	out := object{"type": "object", "additionalProperties": false, "properties": properties}
	if said := s.comment(typ, ""); said != "" {
		out["description"] = said
	}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

func (s *schemas) fields(typ reflect.Type, properties object, required *[]string) {
	for field := range typ.Fields() {
		tag, tagged := field.Tag.Lookup("json")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case field.Anonymous && !tagged:
			s.fields(field.Type, properties, required)
			continue
		case !field.IsExported() || tag == "-":
			continue
		case name == "":
			s.t.Fatalf("%v.%s has no name in JSON", typ, field.Name)
		}
		one := s.of(field.Type)
		if said := s.comment(typ, field.Name); said != "" {
			if _, refers := one["$ref"]; refers {
				one = object{"allOf": []any{one}}
			}
			one["description"] = said
		}
		if kind := field.Type.Kind(); (kind == reflect.Slice || kind == reflect.Map) && nameOfType(typ) != typ.Name() && one["type"] != nil {
			one["nullable"] = true // other rooms promise no empty lists
		}
		properties[name] = one
		if !strings.Contains(options, "omit") {
			*required = append(*required, name)
		}
	}
}

// comment is that of a type, or of a field of it, as one line.
func (s *schemas) comment(typ reflect.Type, field string) string {
	pkg := typ.PkgPath()
	if !s.read[pkg] {
		s.read[pkg] = true
		s.parse(pkg)
	}
	return s.comments[strings.TrimSuffix(pkg+"."+typ.Name()+"."+field, ".")]
}

func (s *schemas) parse(pkg string) {
	files, err := filepath.Glob(filepath.Join("../..", strings.TrimPrefix(pkg, "legate"), "*.go"))
	if err != nil || len(files) == 0 {
		s.t.Fatalf("%s: %v, %v", pkg, files, err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			general, is := d.(*ast.GenDecl)
			if !is || general.Tok != token.TYPE {
				continue
			}
			for _, spec := range general.Specs {
				named := spec.(*ast.TypeSpec)
				key := pkg + "." + named.Name.Name
				s.comments[key] = oneLine(general.Doc, named.Doc)
				if fields, is := named.Type.(*ast.StructType); is {
					for _, f := range fields.Fields.List {
						for _, name := range f.Names {
							s.comments[key+"."+name.Name] = oneLine(f.Doc, f.Comment)
						}
					}
				}
			}
		}
	}
}

func oneLine(groups ...*ast.CommentGroup) string {
	var all []string
	for _, g := range groups {
		if said := strings.TrimSpace(strings.ReplaceAll(g.Text(), "\n", " ")); said != "" {
			all = append(all, said)
		}
	}
	return strings.Join(all, "; ")
}

// list are all fields, one a line: programs depend on these.
func (s *schemas) list() (lines []string) {
	for name, one := range s.all {
		schema := one.(object)
		for field, of := range schema["properties"].(object) {
			must := ""
			if required, _ := schema["required"].([]string); slices.Contains(required, field) {
				must = ", always"
			}
			lines = append(lines, fmt.Sprintf("%s.%s: %s%s", name, field, kindOf(of.(object)), must))
		}
	}
	return lines
}

// kindOf says what a schema is in a word.
func kindOf(of object) string {
	if all, is := of["allOf"].([]any); is {
		return kindOf(all[0].(object))
	}
	if ref, is := of["$ref"].(string); is {
		return ref[strings.LastIndexByte(ref, '/')+1:]
	}
	kind, _ := of["type"].(string)
	switch items, isList := of["items"].(object); {
	case isList:
		return "list of " + kindOf(items)
	case of["additionalProperties"] != nil:
		return "map of " + kindOf(of["additionalProperties"].(object))
	case of["format"] == "date-time":
		return "time"
	case kind == "":
		return "any"
	}
	return kind
}
