package catalog

import (
	"slices"

	"legate/internal/glob"
)

// Selection says which part of a catalog is watched and served. The operator sets it, and a changed
// Selection acts at once. If an instance loses its tags in Consul, that is a loss of data like a
// deregistration, and the guard judges it as one.
type Selection struct {
	// Include and Exclude are globs on service names: * is any run of characters, ? any one.
	// A service is selected if its name matches one of Include and none of Exclude. No Include matches
	// every name.
	Include []string `json:"include,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
	// Tags select instances of these services: those that carry all of them. A service without
	// such an instance is not served.
	Tags []string `json:"tags,omitempty"`
}

// Of is the selected part of a catalog. Config entries are not selected: those of services that are not
// there do nothing.
func (s Selection) Of(c Catalog) Catalog {
	out := Catalog{Services: make(map[ServiceKey]Service, len(c.Services)), Entries: c.Entries}
	for key, service := range c.Services {
		had := len(service.Instances)
		service.Instances, service.Former = s.Instances(service.Instances), s.Instances(service.Former)
		if s.MatchesName(key.Name) && (had == 0 || len(service.Instances) > 0) {
			out.Services[key] = service
		}
	}
	return out
}

// ConsulService is Consul's own entry for its servers. It is nobody's upstream.
const ConsulService = "consul"

// MatchesName reports whether a service of this name is selected.
func (s Selection) MatchesName(name string) bool {
	if name == ConsulService {
		return false
	}
	matches := func(pattern string) bool { return glob.Match(pattern, name) }
	if len(s.Include) > 0 && !slices.ContainsFunc(s.Include, matches) {
		return false
	}
	return !slices.ContainsFunc(s.Exclude, matches)
}

// tagged says whether an instance with these tags is selected.
func (s Selection) tagged(tags []string) bool {
	for _, tag := range s.Tags {
		if !slices.Contains(tags, tag) {
			return false
		}
	}
	return true
}

// Matches reports whether a service may have selected instances, by its entry in the list of services.
// That entry has the tags of all instances together: if it lacks one, no instance has all.
func (s Selection) Matches(name string, tags []string) bool {
	return s.MatchesName(name) && s.tagged(tags)
}

// Instances are the selected ones of all, in the same order.
func (s Selection) Instances(all []Instance) []Instance {
	for n := range all {
		if s.tagged(all[n].Tags) {
			continue
		}
		picked := slices.Clone(all[:n])
		for i := n + 1; i < len(all); i++ {
			if s.tagged(all[i].Tags) {
				picked = append(picked, all[i])
			}
		}
		return picked
	}
	return all
}
