package policy

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
)

// JSONSchema is the schema of policy files, for editors (draft 2020-12). What it allows may still contradict
// itself; [Parse] finds that, too.
func JSONSchema() []byte {
	texts := object{"type": "array", "items": object{"type": "string"}}
	textOrTexts := object{"oneOf": []any{object{"type": "string"}, texts}}
	rule := policySchema().object("")
	rule["properties"].(object)["match"] = object{
		"type": "object", "additionalProperties": false, "minProperties": 1,
		"description": "For which services the rule is. All conditions must hold.",
		"properties": object{
			"names":       describe(textOrTexts, "Globs on the service's name; one must match."),
			"datacenters": describe(textOrTexts, "Globs on the datacenter; the rule is then for services that are there, and not for those of peers."),
			"peers":       describe(textOrTexts, "Globs on the peer; the rule is then for services of these peers."),
			"ports":       describe(textOrTexts, "Names of further ports; the rule is then for their clusters alone."),
			"tags":        describe(textOrTexts, "Tags that most instances have, all of them."),
			"meta":        object{"type": "object", "additionalProperties": object{"type": "string"}, "description": "Globs on values of most instances' meta, by key."},
			"filter":      object{"type": "string", "description": "An expression of Consul's filter language that holds for most instances."},
		},
	}
	rule["required"] = []string{"match"}
	text, err := json.MarshalIndent(object{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Legate's policy of services",
		"type": "object", "additionalProperties": false,
		"properties": object{
			"owners":   describe(texts, "Globs on the fields that owners may set by meta. Without it: all that are open to them; an empty list: none."),
			"defaults": policySchema().object(""),
			"services": object{"type": "array", "items": rule, "description": "Rules, in their order; of several, the last one that says something holds."},
		},
	}, "", "  ")
	if err != nil {
		panic(err) // the schema holds nothing that JSON does not know
	}
	return append(text, '\n')
}

type object = map[string]any

func describe(o object, doc string) object {
	return object{"description": doc, "anyOf": []any{o}}
}

// object is the schema of a group of fields.
func (s *schema) object(group string) object {
	properties := object{}
	for _, name := range s.names[group] {
		path := strings.TrimPrefix(group+"."+name, ".")
		if f := s.byPath[path]; f != nil {
			properties[name] = f.jsonSchema()
		} else {
			properties[name] = s.object(path)
		}
	}
	return object{"type": "object", "additionalProperties": false, "properties": properties}
}

func (f *Field) jsonSchema() object {
	o := object{"description": f.Doc}
	switch f.typ {
	case reflect.TypeFor[*bool]():
		o["type"] = "boolean"
	case reflect.TypeFor[*uint32](), reflect.TypeFor[*uint64]():
		o["type"] = "integer"
		o["minimum"], o["maximum"] = f.bound(f.Low), f.bound(f.High)
	case reflect.TypeFor[*float64]():
		o["type"] = "number"
		o["minimum"], o["maximum"] = f.bound(f.Low), f.bound(f.High)
	case reflect.TypeFor[*Duration]():
		o["type"], o["pattern"] = "string", `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`
	case reflect.TypeFor[*Percent]():
		o["type"], o["pattern"] = []string{"string", "number"}, `^[0-9]+(\.[0-9]+)?%?$`
	case reflect.TypeFor[*Size]():
		o["type"], o["pattern"] = []string{"string", "integer"}, `^[0-9]+ *(KiB|MiB|GiB)?$`
	case reflect.TypeFor[[]string]():
		o["type"], o["items"] = "array", object{"type": "string"}
	case reflect.TypeFor[Sites]():
		o["anyOf"] = []any{object{"enum": []string{None, Nearest, FromConsul}}, object{"type": "string"}, object{"type": "array", "minItems": 1, "items": object{"type": "string"}}}
	case reflect.TypeFor[map[string]string]():
		o["type"], o["additionalProperties"] = "object", object{"type": "string"}
	case reflect.TypeFor[*Raw]():
		o["type"] = "object"
	default:
		if s := f.elements(); s != nil {
			o["type"], o["items"] = "array", s.object("")
			break
		}
		o["type"] = "string"
		if len(f.Values) > 0 {
			o["enum"] = f.Values
		}
	}
	return o
}

func (f *Field) bound(text string) float64 {
	n, _ := strconv.ParseFloat(text, 64)
	return n
}
