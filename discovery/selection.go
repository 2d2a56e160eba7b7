package discovery

import (
	"log/slog"
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
	Include []string
	Exclude []string
	// Tags select instances of these services: those that carry all of them. A service without
	// such an instance is not served.
	Tags []string
}

// Of is the selected part of a catalog.
func (s Selection) Of(c Catalog) Catalog {
	out := make(Catalog, len(c))
	for key, service := range c {
		had := len(service.Instances)
		service.Instances = s.instances(service.Instances)
		if s.names(key.Name) && (had == 0 || len(service.Instances) > 0) {
			out[key] = service
		}
	}
	return out
}

// consulService is Consul's own entry for its servers. It is nobody's upstream.
const consulService = "consul"

// warn logs that Consul's own service is never served, if Include names it.
func (s Selection) warn(log *slog.Logger) {
	if slices.Contains(s.Include, consulService) {
		log.Warn("the service is never served: it is Consul's own entry for its servers, and nobody's upstream",
			"service", consulService, "remedy", "take it out of --include; name servers as a service of their own if clients shall reach them")
	}
}

// names says whether a service of this name is selected.
func (s Selection) names(name string) bool {
	if name == consulService {
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

// lists says whether a service may have selected instances, by its entry in the list of services.
// That entry has the tags of all instances together: if it lacks one, no instance has all.
func (s Selection) lists(name string, tags []string) bool { return s.names(name) && s.tagged(tags) }

// instances are the selected ones of all, in the same order.
func (s Selection) instances(all []Instance) []Instance {
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

// of is the selected part of r. Instances that are not selected count among r.others.
func (s Selection) of(r reading) reading {
	picked := s.instances(r.service.Instances)
	r.others += len(r.service.Instances) - len(picked)
	r.service.Instances = picked
	return r
}
