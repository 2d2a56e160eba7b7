package discovery

import (
	"log/slog"
	"slices"
)

// Selection says what is watched and served of a catalog. It is the operator's: a changed one acts
// at once. What the catalog's data says is another matter: an instance that loses its tags is lost
// like one that is gone, and judged as that.
type Selection struct {
	// Include and Exclude are globs on service names: * is any run of characters, ? any one.
	// A service is selected if it matches one of Include (or there is none), and none of Exclude.
	Include []string
	Exclude []string
	// Tags select instances of these services: those that carry all of them. A service without
	// such an instance is not served.
	Tags []string
}

// Of is what is selected of a catalog.
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

// warn tells who asks for Consul's own service by name that it is never served.
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
	matches := func(glob string) bool { return globMatch(glob, name) }
	if len(s.Include) > 0 && !slices.ContainsFunc(s.Include, matches) {
		return false
	}
	return !slices.ContainsFunc(s.Exclude, matches)
}

// tagged says whether these tags are enough.
func (s Selection) tagged(tags []string) bool {
	for _, tag := range s.Tags {
		if !slices.Contains(tags, tag) {
			return false
		}
	}
	return true
}

// lists says whether a service may have selected instances. The list of services has the tags of
// all instances together: what lacks one there has no instance with all of them.
func (s Selection) lists(name string, tags []string) bool { return s.names(name) && s.tagged(tags) }

// instances are those of all that are selected, in the same order.
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

// of is the part of r that is selected. What is left out counts among the others.
func (s Selection) of(r reading) reading {
	picked := s.instances(r.service.Instances)
	r.others += len(r.service.Instances) - len(picked)
	r.service.Instances = picked
	return r
}

// globMatch knows * for any run of characters and ? for any one. Unlike path.Match it gives no
// meaning to the slash, which service names may contain.
func globMatch(glob, name string) bool {
	g, n := []rune(glob), []rune(name)
	i, j := 0, 0
	star, mark := -1, 0 // the last *, and how far it reached
	for j < len(n) {
		switch {
		case i < len(g) && g[i] == '*':
			star, mark = i, j
			i++
		case i < len(g) && (g[i] == '?' || g[i] == n[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(g) && g[i] == '*' {
		i++
	}
	return i == len(g)
}
