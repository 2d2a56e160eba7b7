package interest

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"legate/discovery/catalog"
	"legate/translate"
)

// clients are the names that are asked for, as a test has it.
type clients map[string]bool

func (c clients) Asked(name string) bool { return c[name] }

func (c clients) AllAsked() []string { return slices.Sorted(maps.Keys(c)) }

func key(datacenter, name string) catalog.ServiceKey {
	return catalog.ServiceKey{Datacenter: datacenter, Name: name}
}

func interestOf(c clients, always ...string) *Interest {
	of := translate.Config{Datacenter: "dc1", Remote: true}
	return New(Config{Always: always, Named: of.Named, NameOf: catalog.Site{Datacenter: "dc1"}.NameOf}, c)
}

func TestANameMeansTheServicesThatCanHaveIt(t *testing.T) {
	c := clients{"web": true, "api.grpc.port": true, "db.dc2": true, "cache.east.peer": true}
	i := interestOf(c)
	about := i.Told(c.AllAsked())
	for _, one := range []catalog.ServiceKey{key("dc1", "web"), key("dc1", "api"), key("dc2", "db"), {Datacenter: "dc1", Peer: "east", Name: "cache"}, key("dc1", "db.dc2")} {
		if !i.In(one) || !slices.Contains(about, one) {
			t.Errorf("nobody is interested in %v", one)
		}
	}
	for _, one := range []catalog.ServiceKey{key("dc1", "db"), key("dc2", "web"), key("dc1", "grpc"), key("dc1", "cache")} {
		if i.In(one) {
			t.Errorf("somebody is interested in %v", one)
		}
	}
}

func TestAServiceIsOfInterestUntilTheLastNameIsGivenUp(t *testing.T) {
	c := clients{"web": true, "web.grpc.port": true}
	i := interestOf(c)
	i.Told(nil) // any may have changed
	delete(c, "web")
	if about := i.Told([]string{"web"}); !slices.Contains(about, key("dc1", "web")) || !i.In(key("dc1", "web")) {
		t.Errorf("about %v; of interest: %v", about, i.In(key("dc1", "web")))
	}
	i.Told([]string{"web"}) // nothing has changed
	delete(c, "web.grpc.port")
	i.Told([]string{"web.grpc.port", "never"})
	if i.In(key("dc1", "web")) || len(i.users)+len(i.names) > 0 {
		t.Errorf("what is kept: %v, %v", i.users, i.names)
	}
}

func TestWhatTheOperatorListsIsAlwaysOfInterest(t *testing.T) {
	i := interestOf(clients{}, "edge-*", "*.dc2")
	for one, is := range map[catalog.ServiceKey]bool{
		key("dc1", "edge-1"): true, key("dc1", "web"): false, key("dc2", "web"): true, key("dc2", "edge-1"): true, key("dc3", "web"): false,
	} {
		if i.In(one) != is {
			t.Errorf("%v: of interest is %v", one, !is)
		}
	}
}

// A cluster that is asked for can have to do with a service of another name.
func TestWhatAClusterReadsIsOfInterestWhileTheClusterIs(t *testing.T) {
	c := clients{"web": true}
	i := interestOf(c)
	i.config.ReadBy = func(k catalog.ServiceKey) []string {
		return map[catalog.ServiceKey][]string{key("dc2", "web"): {"web"}, key("dc1", "other"): {"other"}}[k]
	}
	i.config.Reads = func(cluster string) []catalog.ServiceKey {
		return map[string][]catalog.ServiceKey{"web": {key("dc2", "web")}}[cluster]
	}
	about := i.Told([]string{"web"})
	if !i.In(key("dc2", "web")) || i.In(key("dc1", "other")) {
		t.Error("the wrong ones are of interest")
	}
	if !slices.Contains(about, key("dc2", "web")) {
		t.Error("what the cluster reads is not looked at again:", about)
	}
	delete(c, "web")
	i.Told([]string{"web"})
	if i.In(key("dc2", "web")) {
		t.Error("still of interest")
	}
	c["web.http.port"] = true
	i.Told([]string{"web.http.port"})
	if !i.In(key("dc2", "web")) || i.In(key("dc1", "other")) {
		t.Error("of a port the wrong ones are of interest")
	}
}

func BenchmarkIn(b *testing.B) {
	c := clients{}
	for n := range 1000 {
		c[fmt.Sprintf("svc-%d", n)] = true
	}
	i := interestOf(c, "edge-*")
	i.Told(nil)
	for b.Loop() {
		i.In(key("dc1", "svc-2000"))
	}
}
