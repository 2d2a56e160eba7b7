package chain

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"legate/discovery/catalog"
)

type resolvers map[string]catalog.Resolver

func (r resolvers) read(k catalog.EntryKey) (catalog.Entry, bool) {
	is, there := r[k.Name]
	return catalog.Entry{Key: k, Resolver: is}, there && k.Kind == catalog.ServiceResolver
}

func to(t catalog.Target) *catalog.Target { return &t }

func over(targets ...catalog.Target) catalog.Failover { return catalog.Failover{Targets: targets} }

func subsets(names ...string) map[string]catalog.Subset {
	all := map[string]catalog.Subset{}
	for _, name := range names {
		all[name] = catalog.Subset{Filter: "of " + name}
	}
	return all
}

// told is a chain as text: its targets, then its problems.
func told(c Chain) string {
	var lines []string
	for _, t := range c.Targets {
		lines = append(lines, t.String())
	}
	told := strings.Join(lines, ", ")
	for _, p := range c.Problems {
		told += fmt.Sprintf("\n%s: %s", p.Entry, p.Detail)
	}
	return told
}

func TestChains(t *testing.T) {
	type anyOf = map[string]catalog.Failover
	for name, c := range map[string]struct {
		ask  string // subset/service
		of   resolvers
		want string
	}{
		"nothing is said":                        {"/web", nil, "web.dc1"},
		"an entry that says nothing":             {"/web", resolvers{"web": {}}, "web.dc1"},
		"names of entries have no case":          {"/Web", resolvers{"web": {Subsets: subsets("v1"), DefaultSubset: "v1"}}, "v1.Web.dc1"},
		"the default subset":                     {"/web", resolvers{"web": {Subsets: subsets("v1", "v2"), DefaultSubset: "v1"}}, "v1.web.dc1"},
		"another subset":                         {"v2/web", resolvers{"web": {Subsets: subsets("v1", "v2"), DefaultSubset: "v1"}}, "v2.web.dc1"},
		"a redirect":                             {"/web", resolvers{"web": {Redirect: to(catalog.Target{Service: "api"})}}, "api.dc1"},
		"a redirect of a subset":                 {"v1/web", resolvers{"web": {Subsets: subsets("v1"), Redirect: to(catalog.Target{Service: "api"})}}, "api.dc1"},
		"a redirect before a default subset":     {"/web", resolvers{"web": {Subsets: subsets("v1"), DefaultSubset: "v1", Redirect: to(catalog.Target{Service: "api"})}}, "api.dc1"},
		"a redirect to a datacenter":             {"/web", resolvers{"web": {Redirect: to(catalog.Target{Datacenter: "dc2"})}}, "web.dc2"},
		"a subset follows to a datacenter":       {"v1/web", resolvers{"web": {Subsets: subsets("v1"), Redirect: to(catalog.Target{Datacenter: "dc2"})}}, "v1.web.dc2"},
		"a redirect to a peer":                   {"/web", resolvers{"web": {Redirect: to(catalog.Target{Service: "web", Peer: "p"})}}, "web.p"},
		"redirects are followed":                 {"/web", resolvers{"web": {Redirect: to(catalog.Target{Service: "api"})}, "api": {Redirect: to(catalog.Target{Service: "db", Subset: "v1", Datacenter: "dc3"})}, "db": {Subsets: subsets("v1")}}, "v1.db.dc3"},
		"the default subset after a redirect":    {"/web", resolvers{"web": {Redirect: to(catalog.Target{Service: "api"})}, "api": {Subsets: subsets("v1"), DefaultSubset: "v1"}}, "v1.api.dc1"},
		"failover after a redirect":              {"/web", resolvers{"web": {Redirect: to(catalog.Target{Service: "api", Datacenter: "dc2"})}, "api": {Failover: anyOf{"*": over(catalog.Target{Service: "db"}, catalog.Target{Datacenter: "dc1"})}}}, "api.dc2, db.dc2, api.dc1"},
		"datacenters, but for the own one":       {"/web", resolvers{"web": {Failover: anyOf{"*": over(catalog.Target{Datacenter: "dc3"}, catalog.Target{Datacenter: "dc1"}, catalog.Target{Datacenter: "dc2"}, catalog.Target{Datacenter: "dc3"})}}}, "web.dc1, web.dc3, web.dc2"},
		"the failover of a subset":               {"v1/web", resolvers{"web": {Subsets: subsets("v1", "v2"), Failover: anyOf{"v1": over(catalog.Target{Subset: "v2"}), "*": over(catalog.Target{Datacenter: "dc2"})}}}, "v1.web.dc1, v2.web.dc1"},
		"the failover of all others":             {"v2/web", resolvers{"web": {Subsets: subsets("v1", "v2"), Failover: anyOf{"v1": over(catalog.Target{Subset: "v2"}), "*": over(catalog.Target{Datacenter: "dc2"})}}}, "v2.web.dc1, v2.web.dc2"},
		"no failover of this subset":             {"v2/web", resolvers{"web": {Subsets: subsets("v1", "v2"), Failover: anyOf{"v1": over(catalog.Target{Subset: "v2"})}}}, "v2.web.dc1"},
		"failover to where there is another":     {"/web", resolvers{"web": {Failover: anyOf{"*": over(catalog.Target{Service: "api"})}}, "api": {Failover: anyOf{"*": over(catalog.Target{Service: "db"})}}}, "web.dc1, api.dc1"},
		"failover to where there is a redirect":  {"/web", resolvers{"web": {Failover: anyOf{"*": over(catalog.Target{Service: "api"})}}, "api": {Redirect: to(catalog.Target{Service: "db"})}, "db": {Subsets: subsets("v1"), DefaultSubset: "v1"}}, "web.dc1, v1.db.dc1"},
		"failover that comes back is left out":   {"/web", resolvers{"web": {Failover: anyOf{"*": over(catalog.Target{Service: "api"})}}, "api": {Redirect: to(catalog.Target{Service: "web"})}}, "web.dc1"},
		"failover of another service's subset":   {"v1/web", resolvers{"web": {Subsets: subsets("v1"), Failover: anyOf{"*": over(catalog.Target{Service: "api"}, catalog.Target{Service: "web", Datacenter: "dc2"})}}}, "v1.web.dc1, api.dc1, v1.web.dc2"},
		"failover to a peer with a subset":       {"/web", resolvers{"web": {Subsets: subsets("v1"), DefaultSubset: "v1", Failover: anyOf{"*": over(catalog.Target{Peer: "p"}, catalog.Target{Datacenter: "dc2"})}}}, "v1.web.dc1, v1.web.p, v1.web.dc2"},
		"what is said here is not of peers'":     {"/web", resolvers{"web": {Failover: anyOf{"*": over(catalog.Target{Service: "api", Peer: "p"})}}, "api": {Subsets: subsets("v1"), DefaultSubset: "v1"}}, "web.dc1, api.p"},
		"unless it can be reached here":          {"/web", resolvers{"web": {Failover: anyOf{"*": over(catalog.Target{Service: "api", Peer: "p"}, catalog.Target{Service: "db"})}}, "db": {Redirect: to(catalog.Target{Service: "api"})}, "api": {Subsets: subsets("v1"), DefaultSubset: "v1"}}, "web.dc1, v1.api.dc1\nservice-resolver/api: DefaultSubset v1 leads back from peer p to datacenter dc1: this is how Consul resolves it, and it is served so"},
		"a failover's service can be reached":    {"/web", resolvers{"web": {Failover: anyOf{"*": over(catalog.Target{Service: "api"}, catalog.Target{Service: "api", Peer: "p"})}}, "api": {Redirect: to(catalog.Target{Datacenter: "dc2"})}}, "web.dc1, api.dc2"},
		"the first of two that Consul confounds": {"/web", resolvers{"web": {Redirect: to(catalog.Target{Service: "api", Peer: "p"})}, "api": {Subsets: subsets("v1"), DefaultSubset: "v1", Failover: anyOf{"*": over(catalog.Target{Peer: "p"})}}}, "v1.api.dc1\nservice-resolver/api: DefaultSubset v1 leads back from peer p to datacenter dc1: this is how Consul resolves it, and it is served so"},

		"a default subset of a peer's, back into the redirect": {"/web", resolvers{"web": {Subsets: subsets("v1"), DefaultSubset: "v1", Redirect: to(catalog.Target{Service: "web", Peer: "p"})}},
			"web.dc1\nservice-resolver/web: DefaultSubset v1 leads back from peer p to datacenter dc1: this is how Consul resolves it, and it is served so\nservice-resolver/web: the redirects lead back to where they came from: web.dc1 to web.p to web.dc1: its own instances are served"},
		"redirects that go round": {"/web", resolvers{"web": {Redirect: to(catalog.Target{Service: "api"})}, "api": {Redirect: to(catalog.Target{Service: "web", Datacenter: "dc1"})}},
			"web.dc1\nservice-resolver/api: the redirects lead back to where they came from: api.dc1 to web.dc1 to api.dc1: its own instances are served"},
		"a subset of redirects that go round": {"v1/web", resolvers{"web": {Subsets: subsets("v1"), Redirect: to(catalog.Target{Service: "api"})}, "api": {Redirect: to(catalog.Target{Service: "web", Subset: "v1"})}},
			"v1.web.dc1\nservice-resolver/api: the redirects lead back to where they came from: api.dc1 to web.dc1 to api.dc1: its own instances are served"},
		"failover to redirects that go round": {"/web", resolvers{"web": {Failover: anyOf{"*": over(catalog.Target{Service: "api"}, catalog.Target{Datacenter: "dc2"})}}, "api": {Redirect: to(catalog.Target{Service: "db"})}, "db": {Redirect: to(catalog.Target{Service: "api"})}},
			"web.dc1, web.dc2\nservice-resolver/api: the redirects lead back to where they came from: api.dc1 to db.dc1 to api.dc1: the others are used for failover, and this one is not"},
		"a subset that is missing":            {"v9/web", resolvers{"web": {Subsets: subsets("v1")}}, "\nservice-resolver/web: there is no subset \"v9\": nothing is served"},
		"a subset without a resolver":         {"v9/web", nil, "\nservice-resolver/web: there is no subset \"v9\": nothing is served"},
		"a default subset that is missing":    {"/web", resolvers{"web": {DefaultSubset: "v9"}}, "web.dc1\nservice-resolver/web: there is no subset \"v9\": its own instances are served"},
		"a redirect to a missing subset":      {"/web", resolvers{"web": {Redirect: to(catalog.Target{Service: "api", Subset: "v9"})}}, "web.dc1\nservice-resolver/api: there is no subset \"v9\": its own instances are served"},
		"failover to a missing subset":        {"/web", resolvers{"web": {Failover: anyOf{"*": over(catalog.Target{Service: "api", Subset: "v9"}, catalog.Target{Service: "db"})}}}, "web.dc1, db.dc1\nservice-resolver/api: there is no subset \"v9\": the others are used for failover, and this one is not"},
		"a redirect to a namespace":           {"/web", resolvers{"web": {Redirect: to(catalog.Target{Service: "api", Namespace: "eu"})}}, "web.dc1\nservice-resolver/web: Redirect to service api, namespace eu: its own instances are served"},
		"a redirect to a partition":           {"v1/web", resolvers{"web": {Subsets: subsets("v1"), Redirect: to(catalog.Target{Service: "api", Partition: "eu"})}}, "v1.web.dc1\nservice-resolver/web: Redirect to service api, partition eu: its own instances are served"},
		"a redirect to a sameness group":      {"/web", resolvers{"web": {Redirect: to(catalog.Target{SamenessGroup: "g"})}}, "web.dc1\nservice-resolver/web: Redirect to sameness group g: its own instances are served"},
		"what every Consul has":               {"/web", resolvers{"web": {Redirect: to(catalog.Target{Service: "api", Namespace: "default", Partition: "default"})}}, "api.dc1"},
		"failover to a namespace":             {"/web", resolvers{"web": {Failover: anyOf{"*": over(catalog.Target{Service: "api", Namespace: "eu"}, catalog.Target{Datacenter: "dc2"})}}}, "web.dc1, web.dc2\nservice-resolver/web: Failover to service api, namespace eu: the others are used for failover, and this one is not"},
		"failover by locality":                {"/web", resolvers{"web": {Failover: anyOf{"*": {Mode: "order-by-locality", Targets: []catalog.Target{{Datacenter: "dc2"}}}}}}, "web.dc1, web.dc2\nservice-resolver/web: Failover in the order \"order-by-locality\": the targets are used in the order in which they are written"},
		"failover in the order that is usual": {"/web", resolvers{"web": {Failover: anyOf{"*": {Mode: "sequential", Targets: []catalog.Target{{Datacenter: "dc2"}}}}}}, "web.dc1, web.dc2"},
	} {
		subset, service, _ := strings.Cut(c.ask, "/")
		got := Of(c.of.read, "dc1", service, subset)
		if told(got) != c.want {
			t.Errorf("%s: %s\nwant %s", name, told(got), c.want)
		}
		for _, one := range got.Targets {
			if want := subsets(one.Subset)[one.Subset]; one.Subset == "" && one.Part != (catalog.Subset{}) || one.Subset != "" && one.Part != want {
				t.Errorf("%s: %s is %+v", name, one, one.Part)
			}
		}
		for _, p := range got.Problems {
			if p.Remedy == "" {
				t.Errorf("%s: no remedy", name)
			}
		}
	}
}

func TestKeysOfTargets(t *testing.T) {
	for want, target := range map[catalog.ServiceKey]Target{
		{Datacenter: "dc1", Name: "web"}:            {Service: "web", Datacenter: "dc1", Subset: "v1"},
		{Datacenter: "dc2", Name: "web"}:            {Service: "web", Datacenter: "dc2"},
		{Datacenter: "dc1", Peer: "p", Name: "web"}: {Service: "web", Peer: "p"},
	} {
		if got := target.Key("dc1"); got != want {
			t.Errorf("%s has the key %+v, want %+v", target, got, want)
		}
	}
}

func TestSubsetsAreThoseOfTheResolver(t *testing.T) {
	of := resolvers{"web": {Subsets: subsets("v1", "v2")}}
	if got := Subsets(of.read, "WEB"); !reflect.DeepEqual(got, subsets("v1", "v2")) {
		t.Errorf("%v", got)
	}
	if got := Subsets(of.read, "api"); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

// Whatever the entries say, valid or not: a chain ends, has no target twice, does not depend on an entry that was
// not read, and says why if it leaves out what a target asks for.
func TestRandomChains(t *testing.T) {
	w := world{Rand: rand.New(rand.NewPCG(14, 3))}
	for range 1000 {
		all := resolvers{}
		for _, e := range w.resolvers() {
			all[e.Key.Name] = e.Resolver
		}
		service, subset := w.service(), w.half(w.subset())
		read := map[string]bool{}
		reading := func(k catalog.EntryKey) (catalog.Entry, bool) { read[k.Name] = true; return all.read(k) }
		got := Of(reading, "dc1", service, subset)
		_, has := all[service].Subsets[subset]
		if len(got.Targets) == 0 && (subset == "" || has || len(got.Problems) == 0) {
			t.Fatalf("%s/%s of %+v has no target: %s", subset, service, all, told(got))
		}
		for n, one := range got.Targets {
			if contains(got.Targets[:n], one) || (one.Datacenter == "") != (one.Peer != "") || one.Service == "" {
				t.Fatalf("%s/%s of %+v: %s", subset, service, all, told(got))
			}
		}
		others := resolvers{}
		for name, r := range all {
			others[name] = r
			if !read[name] {
				others[name] = w.resolver(name)
			}
		}
		if again := Of(others.read, "dc1", service, subset); !slices.Equal(again.Targets, got.Targets) || !slices.Equal(again.Problems, got.Problems) {
			t.Fatalf("%s/%s read %v: %s\nwith others it is %s", subset, service, read, told(got), told(again))
		}
	}
}
