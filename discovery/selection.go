package discovery

import "slices"

// consulService is Consul's own entry for its servers. It is nobody's upstream.
const consulService = "consul"

// selected says whether a listed service is one that c asks for.
func (c Config) selected(name string, tags []string) bool {
	if name == consulService {
		return false
	}
	matches := func(glob string) bool { return globMatch(glob, name) }
	if len(c.Include) > 0 && !slices.ContainsFunc(c.Include, matches) {
		return false
	}
	if slices.ContainsFunc(c.Exclude, matches) {
		return false
	}
	for _, tag := range c.Tags {
		if !slices.Contains(tags, tag) {
			return false
		}
	}
	return true
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
