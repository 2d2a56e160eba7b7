package admin

import (
	"slices"
	"strings"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/internal/quote"
)

// whatHides says why Legate does not serve a service that is in Consul.
func (s *Server) whatHides(name string) string {
	if s.rooms.Unfollowed != nil && s.rooms.Unfollowed(name) {
		return "Consul lists it, and Legate does not read it, since no client asks for it by name (--follow wanted). It is served to the first client that does. --follow-services has it read always."
	}
	return whatHides(name, s.rooms.Consul.Status())
}

// whatHides says why Legate may not see a service that is in Consul: the selection, or the rights of its token.
func whatHides(name string, c discovery.Status) string {
	for _, of := range c.Sites { // of one elsewhere, its own name is selected
		name = strings.TrimSuffix(name, "."+of.Site().String())
	}
	if base, is := strings.CutSuffix(name, ".port"); is { // of a further port, the service is selected
		if end := strings.LastIndexByte(base, '.'); end > 0 {
			name = base[:end]
		}
	}
	var said []string
	s, are := c.Selection, func(flag string, words []string) string {
		return flag + " " + quote.Text(strings.Join(words, ", "), quote.NameBytes)
	}
	switch {
	case name == catalog.ConsulService:
		said = append(said, "That is Consul's own entry for its servers, which is never served.")
	case !s.MatchesName(name):
		var by []string
		if len(s.Include) > 0 {
			by = append(by, are("--include", s.Include))
		}
		if len(s.Exclude) > 0 {
			by = append(by, are("--exclude", s.Exclude))
		}
		said = append(said, "The selection leaves that name out: "+strings.Join(by, ", ")+".")
	case len(s.Tags) > 0:
		said = append(said, "Only services with an instance that has all selected tags are served: "+are("--tag", s.Tags)+".")
	}
	for _, p := range c.Problems {
		if slices.Contains([]string{"denied", "filtered", "hidden"}, p.Kind) {
			return strings.Join(append(said, "An ACL may hide it: "+quote.Text(p.Detail, quote.NameBytes)+": "+p.Remedy+"."), " ")
		}
	}
	if len(said) == 0 {
		said = append(said, "The selection does not hide it. Consul lists only what Legate's token may read, and need not say so: see whether consul catalog services lists it with that token.")
	}
	return strings.Join(said, " ")
}
