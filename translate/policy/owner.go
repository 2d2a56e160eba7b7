package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"legate/discovery/catalog"
	"legate/internal/glob"
	"legate/internal/suggest"
)

// MetaPrefix begins the keys of a service's meta by which its owner says how it is reached: legate-protocol.
const MetaPrefix = "legate-"

// ofOwner is the layer of a service's own meta. For each key it is what most instances say, saying nothing
// included; of what equally many say, what the oldest registration among them says.
func (p *Policies) ofOwner(s catalog.Service, found func(Problem)) Layer {
	var l Layer
	for _, key := range metaKeys(s) {
		said := majority(s, key)
		source := Source{Owner, key}
		if said.votes < len(s.Voters()) {
			found(Problem{Source: source, Detail: fmt.Sprintf("instances disagree: %s, by %d of %d, holds", said.text(), said.votes, len(s.Voters())),
				Remedy: "finish the deployment, or register all instances with the same meta"})
		}
		if !said.some {
			continue
		}
		v, detail, remedy := p.ownersValue(key, said.value)
		if detail != "" {
			found(Problem{Source: source, Detail: detail, Remedy: remedy})
			continue
		}
		v.Source = source
		l = append(l, v)
	}
	l.sort()
	return l
}

// ownersValue is what a key of the meta says, or why it does not count.
func (p *Policies) ownersValue(key, text string) (v *Value, detail, remedy string) {
	f := policySchema().byMeta[key]
	if f == nil {
		known := slices.Sorted(maps.Keys(policySchema().byMeta))
		return nil, "no field is set by this key" + suggest.DidYouMean(key, known), "write a key of the table in docs/policy.md, or remove it"
	}
	if !p.allows(f) {
		return nil, "the operator does not let owners set " + f.Path, "remove the key, or ask the operator to name it under owners in Legate's policy file"
	}
	value, err := f.parse(text)
	if err != nil {
		detail, remedy, _ = strings.Cut(err.Error(), ": ")
		return nil, detail, orWords(remedy, f)
	}
	if sites, is := value.Interface().(Sites); is {
		if detail, remedy = ownersSites(sites); detail != "" {
			return nil, detail, remedy
		}
	}
	v = &Value{Field: f, text: textOf(value), value: value}
	if mistakes := (Layer{v}).policy().contradictions(); len(mistakes) > 0 && len(mistakes[0].Lacks) == 0 {
		return nil, mistakes[0].Detail, mistakes[0].Remedy
	}
	return v, "", ""
}

func orWords(remedy string, f *Field) string {
	if remedy == "" {
		return "write one of " + strings.Join(f.Values, ", ")
	}
	return remedy
}

// allows reports whether the operator lets owners set a field.
func (p *Policies) allows(f *Field) bool {
	return p.owners == nil || slices.ContainsFunc(p.owners, func(pattern string) bool { return glob.Match(pattern, f.Path) })
}

// metaKeys are the keys with MetaPrefix that any voter has, sorted.
func metaKeys(s catalog.Service) (keys []string) {
	voters := s.Voters()
	for i := range voters {
		for key := range voters[i].Meta {
			if strings.HasPrefix(key, MetaPrefix) && !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

// say is what instances say under a key.
type say struct {
	value string
	some  bool // whether the key is there
	votes int  // how many instances say so
}

func (s say) text() string {
	if !s.some {
		return "nothing"
	}
	return quote(s.value)
}

// majority is what most instances say under a key.
func majority(s catalog.Service, key string) say {
	best, _, votes := vote(s.Voters(), func(i *catalog.Instance) say {
		value, some := i.Meta[key]
		return say{value: value, some: some}
	})
	best.votes = votes
	return best
}

// vote is what most instances say, who the oldest registration that says it is, and how many say it. Of
// what equally many say, it is what the oldest registration says.
func vote[T comparable](instances []catalog.Instance, of func(*catalog.Instance) T) (best T, oldest *catalog.Instance, votes int) {
	type ballot struct {
		votes  int
		oldest *catalog.Instance
	}
	count := map[T]ballot{}
	for n := range instances {
		i := &instances[n]
		said := of(i)
		b := count[said]
		b.votes++
		if b.oldest == nil || older(i, b.oldest) {
			b.oldest = i
		}
		count[said] = b
	}
	for said, b := range count {
		if b.votes > votes || b.votes == votes && older(b.oldest, oldest) {
			best, oldest, votes = said, b.oldest, b.votes
		}
	}
	return best, oldest, votes
}

// older orders registrations by Consul's index of their creation. Those of one transaction are ordered by name.
func older(a, b *catalog.Instance) bool {
	if a.CreateIndex != b.CreateIndex {
		return a.CreateIndex < b.CreateIndex
	}
	return a.Compare(*b) < 0
}
