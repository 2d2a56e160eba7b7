package translate

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// sheet is a set of rules with the catalogs that try them. The laws hold for each.
type sheet struct {
	rules   rules
	catalog func(*rand.Rand) catalog.Catalog
	crossed int // how often, at least, units are expected to be built for what they read of others
}

func eachSheet(t *testing.T, test func(*testing.T, sheet)) {
	t.Run("services", func(t *testing.T) { test(t, sheet{testConfig(), randomCatalog, 3}) })
	t.Run("failover", func(t *testing.T) { test(t, sheet{failingOver(), randomCatalog, 50}) })
	t.Run("crossing", func(t *testing.T) { test(t, sheet{crossing{}, crossingCatalog, 50}) })
}

func (s sheet) empty() Resources {
	return Resources{rules: s.rules, inputs: inputs{home: catalog.Site{Datacenter: "dc1"}}}
}

// failingOver are rules by which services are served from elsewhere where nobody says another thing.
func failingOver() Config {
	c := testConfig()
	c.Defaults.Failover = policy.Sites{"dc3", "p.peer", policy.Nearest}
	c.base = policy.Base(c.Defaults)
	return c
}

func (s sheet) translated(c catalog.Catalog) Resources {
	r, _ := s.empty().Apply(catalog.Catalog{}.Diff(c))
	return r
}

// near is a catalog that differs from c in a few services.
func (s sheet) near(r *rand.Rand, c catalog.Catalog) catalog.Catalog {
	d := c.Diff(s.catalog(r))
	d.Set, d.Gone = d.Set[:min(len(d.Set), r.IntN(3))], d.Gone[:min(len(d.Gone), r.IntN(2))]
	return c.Apply(d)
}

// crossing are rules whose units read services of others, as failovers and redirects will. What a
// service says of others is in the tags of its first instance: where it redirects to, who serves when
// it has one instance only, and a second name that it gives a unit, unless a service is called so.
type crossing struct{}

const (
	redirect = iota
	failover
	alias
)

// tagOf is the tag of a service's first instance, if it has some.
func tagOf(s catalog.Service, what int) string {
	if len(s.Instances) == 0 {
		return ""
	}
	return s.Instances[0].Tags[what]
}

func (crossing) units(units []unit, _ inputs, s catalog.Service) []unit {
	units = append(units, unit{service: s.Key})
	if name := tagOf(s, alias); name != "" {
		units = append(units, unit{service: s.Key, port: name})
	}
	return units
}

func (crossing) said(unit, *reader) *said { return nil }

func (crossing) became(unit, *reader, *said) []Became { return nil }

func (crossing) servedFrom(unit, *reader) []catalog.ServiceKey { return nil }

func (crossing) namesakes(string) iter.Seq[unit] { return func(func(unit) bool) {} }

func (crossing) called(string, *reader) (unit, bool) { return unit{}, false }

func (crossing) unitsOfEntry(units []unit, _ inputs, _ catalog.Entry) []unit { return units }

func (crossing) build(u unit, read *reader) ([]Resource, []Problem) {
	s, is := read.service(u.service)
	if !is || u.port != "" && u.port != tagOf(s, alias) {
		return nil, nil
	}
	problem := func(reason Reason, detail string) []Problem {
		return []Problem{{Service: u.service.String(), Reason: reason, Detail: detail}}
	}
	if u.port != "" {
		if _, taken := read.service(own(u.name())); taken {
			return nil, problem(BadName, u.name())
		}
	}
	for hops := 0; tagOf(s, redirect) != ""; hops++ {
		if hops == 3 {
			return nil, problem(Invalid, "a circle of redirects")
		}
		if s, is = read.service(own(tagOf(s, redirect))); !is {
			return nil, problem(Invalid, "a redirect to "+s.Key.Name)
		}
	}
	var problems []Problem
	if other := tagOf(s, failover); other != "" && len(s.Instances) == 1 {
		if next, is := read.service(own(other)); is {
			s = next
		} else {
			problems = problem(Unresolved, other)
		}
	}
	cluster, assignment := []byte(u.name()), fmt.Append(nil, s)
	return []Resource{
		{Name: Name{ClusterType, u.name()}, Version: versionOf(cluster), Value: cluster},
		{Name: Name{AssignmentType, u.name()}, Version: versionOf(assignment), Value: assignment},
	}, problems
}

func crossingCatalog(r *rand.Rand) catalog.Catalog {
	names := []string{"a", "b", "c", "d", "e", "f"}
	c := catalog.New()
	for _, name := range slices.Concat(names, []string{"a.x.port", "b.y.port"}) {
		if r.IntN(3) == 0 {
			continue
		}
		s := catalog.Service{Key: own(name)}
		tags := make([]string, 3)
		tags[redirect] = pick(r, "", "", pick(r, names...))
		tags[failover] = pick(r, "", pick(r, names...))
		tags[alias] = pick(r, "", "x", "y")
		for id := range r.IntN(3) {
			s.Instances = append(s.Instances, catalog.Instance{Node: "n", ID: fmt.Sprint(id), Tags: tags, Port: r.IntN(2)})
		}
		c.Services[s.Key] = s
	}
	return c
}
