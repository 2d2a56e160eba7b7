package policy

import (
	"strings"
	"testing"

	"legate/discovery/catalog"
)

func own(name string, instances ...catalog.Instance) catalog.Service {
	return catalog.Service{Key: catalog.ServiceKey{Datacenter: "dc1", Name: name}, Instances: instances}
}

func noEntry(catalog.EntryKey) (catalog.Entry, bool) { return catalog.Entry{}, false }

func parseOne(t *testing.T, content string) Policies {
	t.Helper()
	p, err := Parse([]File{{"policy.yaml", []byte(content)}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// show is what holds, one field a line, each with its source.
func show(e *Effective) string {
	var out strings.Builder
	for _, v := range e.Values() {
		out.WriteString(v.Field.Path + " " + v.Show() + " (" + v.Source.String() + ")\n")
	}
	return out.String()
}

func TestTheStrongestSourceThatSaysSomethingHolds(t *testing.T) {
	p := parseOne(t, `
defaults:
  connect_timeout: 1s
  protocol: http1
  circuit_breakers: {max_connections: 1, high: {max_connections: 2}}
services:
- match: {names: [we*]}
  circuit_breakers: {max_requests: 5}
- match: {names: [other]}
  connect_timeout: 9s
- match: {names: [web]}
  circuit_breakers: {max_requests: 6}
`)
	entries := map[catalog.EntryKey]catalog.Entry{
		{Kind: catalog.ProxyDefaults, Name: "global"}: {Protocol: "http2", ConnectTimeout: 2e9},
		{Kind: catalog.ServiceDefaults, Name: "web"}:  {Protocol: "grpc", Limits: catalog.Limits{MaxConcurrentRequests: new(4)}},
	}
	e, problems := p.For(own("web", catalog.Instance{Meta: map[string]string{"legate-connect-timeout": "3s"}}), "", func(k catalog.EntryKey) (catalog.Entry, bool) {
		e, is := entries[k]
		return e, is
	})
	want := `protocol grpc (consul service-defaults/web)
connect_timeout 3s (owner legate-connect-timeout)
healthy_panic_threshold 0% (built-in)
circuit_breakers.max_connections 1 (defaults policy.yaml:2)
circuit_breakers.max_requests 6 (services policy.yaml:11)
circuit_breakers.high.max_connections 2 (defaults policy.yaml:2)
`
	if got := show(e); got != want || len(problems) != 0 {
		t.Errorf("%s%v\nwant\n%s", got, problems, want)
	}
}
