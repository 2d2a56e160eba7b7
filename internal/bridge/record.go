package bridge

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/internal/changes"
	"legate/translate"
	"legate/translate/policy"
)

// Record has what is published recorded. It is called before Run.
func (b *Bridge) Record(r *changes.Record) { b.changes = r }

// published is what was published together.
type published struct {
	from, to translate.Resources
	batch    translate.Batch
	at       time.Time // zero: nothing had to be
	taken    time.Time // when the bridge began with it
	served   time.Time // when the server had it
}

// recordedAtOnce is how many services of one Delta are recorded one by one. The rest is one change, so that what
// changes at once takes no more than a part of the record.
const recordedAtOnce = 1000

// recordFirst records the first complete snapshot, as one change.
func (b *Bridge) recordFirst(d catalog.Delta, at time.Time) {
	if b.changes == nil {
		return
	}
	instances, sites := 0, map[string]bool{}
	for _, s := range d.Set {
		instances += len(s.Instances)
		sites[s.Key.Site().String()] = true
	}
	of := ""
	if len(sites) > 1 {
		names := slices.Sorted(maps.Keys(sites))
		of = " of " + catalog.SomeOf(len(names), func(i int) string { return names[i] })
	}
	b.changes.Add(changes.Change{Kind: changes.Snapshot, At: at, Answered: d.Since, Published: at, Lines: []changes.Line{{
		Op: changes.Plus, What: "complete", Detail: fmt.Sprintf("%s%s, %s, %s", counted(len(d.Set), "service", "services"), of, counted(instances, "instance", "instances"), counted(len(d.Entries), "config entry", "config entries")),
	}}})
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

// recordDelta records what a Delta changed.
func (b *Bridge) recordDelta(d catalog.Delta, p published) {
	if b.changes == nil {
		return
	}
	now := time.Now()
	record := func(c changes.Change) {
		if len(c.Lines) > 0 {
			c.At, c.Answered, c.Taken, c.Served = now, d.Since, p.taken, p.served
			b.changes.Add(c)
		}
	}
	for _, e := range d.Entries {
		was, had := p.from.Entry(e.Key)
		record(changes.OfEntry(value(&was, had), &e))
	}
	for _, k := range d.GoneEntries {
		was, had := p.from.Entry(k)
		record(changes.OfEntry(value(&was, had), nil))
	}
	some := d.Set[:min(len(d.Set), recordedAtOnce)]
	for i := range some {
		s := &some[i]
		was, had := p.from.Service(s.Key)
		record(b.ofService(value(&was, had), s, p))
	}
	gone := d.Gone[:min(len(d.Gone), recordedAtOnce-len(some))]
	for _, k := range gone {
		was, had := p.from.Service(k)
		record(b.ofService(value(&was, had), nil, p))
	}
	if set, left := len(d.Set)-len(some), len(d.Gone)-len(gone); set+left > 0 {
		record(changes.Change{Kind: changes.More, Published: p.at, Lines: []changes.Line{{
			Op: changes.Tilde, What: "services", Detail: fmt.Sprintf("%d more that changed at once, and %d more that are gone", set, left),
		}}})
	}
}

// ofService is the change of a service, under the name that clients ask for it by.
func (b *Bridge) ofService(from, to *catalog.Service, p published) changes.Change {
	c := changes.OfService(from, to)
	if of := cmp.Or(to, from); of != nil {
		c.Services = []string{b.home().NameOf(of.Key)}
		p.versions(&c, of.Key)
	}
	return c
}

// home is the own datacenter.
func (b *Bridge) home() catalog.Site { return catalog.Site{Datacenter: b.config.Datacenter} }

func value[T any](v *T, is bool) *T {
	if !is {
		return nil
	}
	return v
}

// versions notes in which versions the resources of a service were published, if they were. Those of its further ports,
// and of what fails over to it, count as published, too.
func (p published) versions(c *changes.Change, k catalog.ServiceKey) {
	readers := slices.Concat(p.to.ReadBy(k), p.from.ReadBy(k))
	for _, of := range []struct {
		resource string
		version  *string
	}{{translate.ClusterType, &c.Cluster}, {translate.AssignmentType, &c.Endpoints}} {
		name := translate.Name{Type: of.resource, Name: c.Services[0]}
		if at, there := p.sets(name); there {
			*of.version = p.batch.Set[at].Version
			c.Published = p.at
		}
		for _, reads := range readers {
			name.Name = reads
			_, set := p.sets(name)
			if _, gone := slices.BinarySearchFunc(p.batch.Gone, name, compareNames); set || gone {
				c.Published = p.at
			}
		}
	}
}

// sets is where in the batch a resource is, and whether it is there.
func (p published) sets(name translate.Name) (at int, there bool) {
	return slices.BinarySearchFunc(p.batch.Set, name, func(r translate.Resource, n translate.Name) int { return compareNames(r.Name, n) })
}

func compareNames(a, b translate.Name) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
}

// recordPolicies records which clusters are reached in another way. Those that change alike are one change.
func (b *Bridge) recordPolicies(p published) {
	if b.changes == nil {
		return
	}
	var alike []changes.Change
	at := map[string]int{} // in alike, by what changes
	for _, one := range p.to.DiffPolicies(p.from) {
		lines, text := policyLines(one)
		n, known := at[text]
		if !known || len(alike[n].Services) == atOnce {
			n = len(alike)
			at[text], alike = n, append(alike, changes.Change{Kind: changes.Policy, At: time.Now(), Answered: p.batch.Since, Published: p.at, Taken: p.taken, Served: p.served, Lines: lines})
		}
		alike[n].Services = append(alike[n].Services, one.Name)
		if of := b.home().NameOf(one.Service); of != one.Name {
			alike[n].Of = append(alike[n].Of, of)
		}
	}
	b.changes.Add(alike...)
}

// policyLines are the fields in which the policy of a cluster differs, and the same as one text.
func policyLines(r translate.Repolicied) (lines []changes.Line, text string) {
	for _, c := range policy.Changes(r.From, r.To) {
		l := changes.Line{Op: changes.Tilde, What: "policy", Key: c.Field, From: c.From, To: c.To, Detail: c.Source}
		lines = append(lines, l)
		text += fmt.Sprintf("%q", []string{c.Field, c.From, c.To, l.Detail})
	}
	return lines, text
}
