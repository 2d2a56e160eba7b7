package translate

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"legate/discovery/catalog"
)

// Several units can have the same name: Consul takes any name for a service, also web.grpc.port and web.dc2. Then the
// first of them in this order has it, and the others are not served, with a problem that says so.

// namesakes yields the units that can have a name: the service that is registered here under that very name, the port
// of a service, a service elsewhere, the port of one, a subset of a service.
func (c Config) namesakes(name string) iter.Seq[unit] {
	return func(yield func(unit) bool) {
		if !c.namedAt(name, c.site(), yield) {
			return
		}
		for rest, site := range c.sitesIn(name) {
			if c.Remote && !c.namedAt(rest, site, yield) {
				return
			}
		}
		if subset, service, is := strings.Cut(name, "."); is && subset != "" && service != "" { // no subset's name has dots
			yield(unit{service: c.site().Service(service), subset: subset})
		}
	}
}

// Named are the services that somebody uses who asks for a cluster of this name, by its form alone: there need not be
// such services, and if there are several, one of them has the name. The one that is registered here under that very name
// comes first.
func (c Config) Named(name string) (services []catalog.ServiceKey) {
	for u := range c.namesakes(name) {
		services = append(services, u.service)
	}
	return services
}

// namedAt yields the service of that name at a site, and the service whose port it can be.
func (c Config) namedAt(name string, site catalog.Site, yield func(unit) bool) bool {
	if !yield(c.unit(site.Service(name), "")) {
		return false
	}
	rest, is := strings.CutSuffix(name, portSuffix)
	dot := strings.LastIndexByte(rest, '.')
	if !is || dot <= 0 {
		return true
	}
	return yield(c.unit(site.Service(rest[:dot]), rest[dot+1:]))
}

// peerLabel ends the name of a peer's service.
const peerLabel = "peer"

// sitesIn yields the sites that a name can end with, and what is before that. Neither a datacenter's name nor a peer's
// has dots.
func (c Config) sitesIn(name string) iter.Seq2[string, catalog.Site] {
	return func(yield func(string, catalog.Site) bool) {
		dot := strings.LastIndexByte(name, '.')
		if dot <= 0 {
			return
		}
		rest, last := name[:dot], name[dot+1:]
		if dot := strings.LastIndexByte(rest, '.'); last == peerLabel && dot > 0 {
			if !yield(rest[:dot], catalog.Site{Datacenter: c.Datacenter, Peer: rest[dot+1:]}) {
				return
			}
		}
		if last != "" && last != c.Datacenter {
			yield(rest, catalog.Site{Datacenter: last})
		}
	}
}

// called is the unit that has a name; false if none has it. A service that is elsewhere only, or that a resolver alone
// speaks of, comes last.
func (c Config) called(name string, read *reader) (unit, bool) {
	for u := range c.namesakes(name) {
		if c.is(u, read) {
			return u, true
		}
	}
	for u := range c.namesakes(name) {
		if c.isElsewhere(u, read) || c.isVirtual(u, read) {
			return u, true
		}
	}
	return unit{}, false
}

// is reports whether there is a unit: whether its service is there, with that port or subset.
func (c Config) is(u unit, read *reader) bool {
	s, is := read.service(u.service)
	return is && c.hasSubset(u, read) && (u.port == "" || slices.Contains(furtherPorts(s), u.port) && !checkPortName(u.port).found())
}

// checkTaken says why a unit does not have its name: another one has it.
func (c Config) checkTaken(u unit, read *reader) flaw {
	if s, is := read.service(u.service); is && u == u.itself() && s.Key.Site() == c.site() {
		return flaw{} // it is the first of all
	}
	has, is := c.called(u.name(), read)
	if !is || has == u {
		return flaw{}
	}
	what := "it"
	switch {
	case u.port != "":
		what = "port " + quote(u.port)
	case u.subset != "":
		what = "subset " + quote(u.subset)
	}
	who, remedy := "there is a service of that name", "give the port or that service another name"
	switch {
	case has.port != "":
		who = fmt.Sprintf("that is port %s of service %s", quote(has.port), quote(has.itself().name()))
	case has.subset != "":
		who = fmt.Sprintf("that is subset %s of service %s", quote(has.subset), quote(has.itself().name()))
	}
	if u.subset != "" {
		remedy = "give the subset or that service another name"
	}
	if u.remote {
		remedy = "give the service or the port that has the name another one; a policy's failover reaches this service all the same"
	}
	return flaw{BadName, fmt.Sprintf("%s would be cluster %s, and %s", what, quote(u.name()), who), remedy}
}
