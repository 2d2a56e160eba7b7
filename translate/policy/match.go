package policy

import (
	"slices"

	"legate/discovery/catalog"
	"legate/internal/glob"
	"legate/translate/filter"
)

// match says to which services a rule applies. All of its conditions must hold; no condition matches all.
type match struct {
	names       []string          // globs on the service's name; one must match
	datacenters []string          // globs on the datacenter where it is; a rule with some is for no peer's
	peers       []string          // globs on the peer whose it is; a rule with some is for peers' alone
	ports       []string          // names of further ports; a rule with some applies to their clusters alone
	tags        []string          // an instance must carry all
	meta        map[string]string // globs on values of the instance's meta
	filter      *filter.Filter    // an expression over the instance; nil: none
}

// empty reports whether there is no condition at all.
func (m *match) empty() bool {
	return len(m.names)+len(m.datacenters)+len(m.peers)+len(m.ports)+len(m.tags)+len(m.meta) == 0 && m.filter == nil
}

// matches reports whether a rule applies to a service, or to one of its further ports. What is said of
// instances must hold for most of its voters; if it holds for half, the oldest registration decides.
func (m *match) matches(s catalog.Service, port string) bool {
	k := s.Key
	if !anyMatches(m.names, k.Name) || !anyMatches(m.datacenters, k.Datacenter) || !anyMatches(m.peers, k.Peer) ||
		len(m.ports) > 0 && !slices.Contains(m.ports, port) || len(m.datacenters) > 0 && k.Peer != "" || len(m.peers) > 0 && k.Peer == "" {
		return false
	}
	if len(m.tags) == 0 && len(m.meta) == 0 && m.filter == nil {
		return true
	}
	most, _, _ := vote(s.Voters(), func(i *catalog.Instance) bool { return m.instance(s, i) })
	return most
}

// anyMatches reports whether one of some globs matches; without any, everything does.
func anyMatches(globs []string, name string) bool {
	return len(globs) == 0 || slices.ContainsFunc(globs, func(pattern string) bool { return glob.Match(pattern, name) })
}

func (m *match) instance(s catalog.Service, i *catalog.Instance) bool {
	for _, tag := range m.tags {
		if !slices.Contains(i.Tags, tag) {
			return false
		}
	}
	for key, pattern := range m.meta {
		if value, has := i.Meta[key]; !has || !glob.Match(pattern, value) {
			return false
		}
	}
	return m.filter == nil || m.filter.Matches(s.Key, i)
}
