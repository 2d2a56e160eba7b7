package policy

import (
	"strings"
	"testing"

	"legate/discovery/catalog"
)

// TestFailoverIsSaidAsOthersAre: by files, by Consul's resolver, by the owner, who names no peers; each in its place.
func TestFailoverIsSaidAsOthersAre(t *testing.T) {
	resolver := func(k catalog.EntryKey) (catalog.Entry, bool) {
		e := catalog.Entry{Key: k, Resolver: catalog.Resolver{Failover: map[string]catalog.Failover{catalog.AnySubset: {Targets: []catalog.Target{{Datacenter: "dc3"}}}}}}
		return e, k.Kind == catalog.ServiceResolver
	}
	for _, c := range []struct {
		file, meta, want, problem string
		entry                     func(catalog.EntryKey) (catalog.Entry, bool)
	}{
		{file: "defaults: {failover: nearest}", want: "failover nearest (defaults"},
		{file: "defaults: {failover: nearest}", entry: resolver, want: "failover consul (consul service-resolver/web)"},
		{meta: "dc2, dc3", entry: resolver, want: `failover ["dc2","dc3"] (owner legate-failover)`},
		{meta: "dc2, theirs.peer", want: "", problem: "owners cannot name peers"},
		{meta: "dc2, none", want: "", problem: "stand alone"},
		{meta: "dc2", file: "services: [{match: {names: [web]}, failover: [theirs.peer, nearest]}]", want: `failover ["theirs.peer","nearest"] (services`},
	} {
		if c.entry == nil {
			c.entry = noEntry
		}
		p := parseOne(t, c.file)
		i := catalog.Instance{Node: "n", ID: "1"}
		if c.meta != "" {
			i.Meta = map[string]string{"legate-failover": c.meta}
		}
		e, problems := p.For(own("web", i), "", c.entry)
		if got := show(e); c.want != "" && !strings.Contains(got, c.want) || c.want == "" && strings.Contains(got, "failover") {
			t.Errorf("%+v: %s", c, got)
		}
		if (c.problem == "") != (len(problems) == 0) || c.problem != "" && (!strings.Contains(problems[0].Detail, c.problem) || problems[0].Remedy == "") {
			t.Errorf("%+v: %v", c, problems)
		}
	}
	for _, key := range []string{"legate-remote-address"} {
		p := parseOne(t, "")
		if _, problems := p.For(own("web", catalog.Instance{Meta: map[string]string{key: "lan"}}), "", noEntry); len(problems) != 1 {
			t.Errorf("an owner may say %s: %v", key, problems)
		}
	}
}

// TestRulesMatchWhereAServiceIs: without a word on that they are for the services of all datacenters and peers.
func TestRulesMatchWhereAServiceIs(t *testing.T) {
	here, there, theirs := own("web"), own("web"), own("web")
	there.Key.Datacenter, theirs.Key.Peer = "dc2", "theirs"
	for _, c := range []struct {
		match string
		want  string
	}{
		{"names: [web]", "here there theirs"},
		{"datacenters: [dc1]", "here"},
		{"datacenters: dc*", "here there"},
		{"peers: [t*]", "theirs"},
		{"names: [api], datacenters: [dc2]", ""},
		{"names: [web], datacenters: [dc2]", "there"},
	} {
		p := parseOne(t, "services: [{match: {"+c.match+"}, idle_timeout: 7m}]")
		var got []string
		for _, one := range []struct {
			name string
			s    catalog.Service
		}{{"here", here}, {"there", there}, {"theirs", theirs}} {
			if e, _ := p.For(one.s, "", noEntry); strings.Contains(show(e), "idle_timeout") {
				got = append(got, one.name)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s matches %v, want %s", c.match, got, c.want)
		}
	}
	if _, err := Parse([]File{{"p", []byte("services: [{match: {datacenters: [dc2], peers: [theirs]}, idle_timeout: 7m}]")}}); err == nil || !strings.Contains(err.Error(), "write a rule for each") {
		t.Errorf("a match that nothing can meet: %v", err)
	}
}
