package policy

import (
	"strings"
	"testing"

	"legate/discovery/catalog"
)

// FuzzParse: whatever is in a file and in an owner's meta, it is an error with file and reason, or a policy
// that contradicts itself nowhere, whose every value has a source.
func FuzzParse(f *testing.F) {
	f.Add("defaults: {protocol: grpc}\n", "legate-lb-policy", "maglev", "grpc")
	f.Add("services:\n- match: {names: [web]}\n  slow_start: {window: 5s}\n  health_checks: [{type: grpc}]\n", "legate-lb-policy", "ring_hash", "tcp")
	f.Add("defaults: &a {tls: {ca: system}}\nservices: [*a]\n", "legate-tls-sni", "\xff", "")
	f.Add("owners: [\"*\"]\ndefaults: {envoy: {metadata: {filter_metadata: {a: {b: [1, null, {}]}}}}}\n", "legate-", "", "odd")
	f.Add("defaults: {subsets: {selectors: [{keys: [a, a]}]}}\n", "legate-circuit-breakers-max-connections", "-1", "http")
	f.Fuzz(func(t *testing.T, content, key, value, protocol string) {
		p, err := Parse([]File{{"fuzzed.yaml", []byte(content)}})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "fuzzed.yaml:") {
				t.Errorf("the error names no file: %v", err)
			}
			return
		}
		i := catalog.Instance{ID: "1", Meta: map[string]string{key: value}}
		e, problems := p.For(own("web", i), "", func(k catalog.EntryKey) (catalog.Entry, bool) {
			return catalog.Entry{Key: k, Protocol: protocol}, k.Kind == catalog.ServiceDefaults
		})
		if mistakes := e.Policy().Validate(); len(mistakes) > 0 {
			t.Errorf("%v in %s", mistakes, show(e))
		}
		for _, v := range e.Values() {
			if v.Source.Kind != BuiltIn && v.Source.Where == "" || v.Text() == "" {
				t.Errorf("%s: source %v, text %q", v.Field.Path, v.Source, v.Text())
			}
		}
		for _, one := range problems {
			if one.Detail == "" || one.Remedy == "" {
				t.Errorf("a problem without detail or remedy: %+v", one)
			}
		}
	})
}
