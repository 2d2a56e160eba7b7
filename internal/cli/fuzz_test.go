package cli

import (
	"strings"
	"testing"
)

// FuzzConfigFile checks that any content of a configuration file is either read or rejected with
// its line, and that what was read either sets the settings or is rejected with its key.
func FuzzConfigFile(f *testing.F) {
	f.Add("consul:\n  addr: 127.0.0.1:8500\nxds:\n  max_streams: 7\n  tls_allowed_sans: [a, 'b*']\nservices:\n  include: web\n")
	f.Add("xds: &x\n  stuck_send: 1s\nadmin: *x\n")
	f.Add("consul: [1]\nlog: ~\nnothing:\n  a: b\n")
	f.Add("---\n---\n")
	f.Add("? [a]\n: {b: c}\n")
	f.Fuzz(func(t *testing.T, content string) {
		p := program{getenv: func(string) string { return "" }}
		settings := everySetting(p.commands())
		r := fileReader{path: "legate.yaml", known: settings, out: map[string]entry{}}
		if err := r.read(strings.NewReader(content)); err != nil {
			if !strings.Contains(err.Error(), "legate.yaml:") {
				t.Errorf("the error names no place: %v", err)
			}
			return
		}
		for _, s := range settings {
			values, from := s.source(p.getenv, r.out)
			if len(values) == 0 {
				continue
			}
			if err := s.set(values); err != nil && !strings.HasPrefix(s.wrong(values, from, err).Error(), "legate.yaml:") {
				t.Errorf("the error names no place: %v", err)
			}
		}
	})
}
