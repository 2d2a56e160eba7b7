package translate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"legate/discovery/catalog"
)

// entry is what one service became. It is never changed.
type entry struct {
	key      catalog.ServiceKey
	units    []unit // its own and one for each further port, sorted by name; none if it cannot be served
	problems []Problem
	since    time.Time // of the delta that brought it
	// source is what it was made of, if that has further ports: a service that comes or goes can take
	// or free the name of one.
	source *catalog.Service
}

// unit is what clients can ask for by one name.
type unit struct {
	cluster, assignment Resource
}

func (u unit) name() string { return u.cluster.Name.Name }

// served are the units of an entry that may be nil.
func (e *entry) served() []unit {
	if e == nil {
		return nil
	}
	return e.units
}

// equal reports whether both would be sent and reported alike.
func (e *entry) equal(o *entry) bool {
	return slices.EqualFunc(e.units, o.units, unit.equal) && slices.Equal(e.problems, o.problems) && e.source == nil && o.source == nil
}

func (u unit) equal(o unit) bool {
	return u.cluster.Name == o.cluster.Name && u.cluster.Version == o.cluster.Version && u.assignment.Version == o.assignment.Version
}

// entryOf translates one service, and knows no other but for which names are taken.
func (c Config) entryOf(s catalog.Service, since time.Time, taken func(catalog.ServiceKey) bool) *entry {
	e := &entry{key: s.Key, since: since}
	if bad := c.judgeKey(s.Key); bad.found() {
		e.problems = []Problem{bad.of(s.Key)}
		return e
	}
	endpoints, problems := c.endpointsOf(s, "")
	e.problems = append(problems, c.mixedUp(s, endpoints)...)
	e.add(s.Key.Name, c.settingsFor(s.Key), endpoints)
	for _, port := range furtherPorts(s) {
		e.source = &s
		if bad := c.judgePort(s, port, taken); bad.found() {
			e.problems = append(e.problems, bad.of(s.Key))
			continue
		}
		endpoints, problems := c.endpointsOf(s, port)
		e.problems = append(e.problems, problems...)
		e.add(portCluster(s.Key.Name, port), c.settingsFor(s.Key), endpoints)
	}
	return e
}

// add adds a unit, or the problem that there is none.
func (e *entry) add(name string, s Settings, endpoints []endpoint) {
	u, err := encodeUnit(name, s, endpoints)
	if err != nil {
		e.problems = append(e.problems, flaw{Invalid, err.Error(),
			"please report this as a bug: no catalog should lead here"}.of(e.key))
		return
	}
	e.units = append(e.units, u)
}

// encodeUnit makes both resources. A service with host names that Envoy resolves has a DNS cluster; its
// assignment still lists what EDS can carry, for those who name the service in an EDS cluster of their own.
func encodeUnit(name string, s Settings, endpoints []endpoint) (u unit, err error) {
	addresses := slices.DeleteFunc(slices.Clone(endpoints), isHostname)
	c := edsCluster(name, s)
	if len(addresses) < len(endpoints) {
		c, err = dnsCluster(name, s, slices.DeleteFunc(slices.Clone(endpoints), isSocket))
		if err != nil {
			return u, err
		}
	}
	if u.cluster, err = encode(Name{ClusterType, name}, c); err != nil {
		return u, err
	}
	u.assignment, err = encode(Name{AssignmentType, name}, assignment(name, addresses), u.cluster.Version)
	return u, err
}

func isHostname(e endpoint) bool { return e.kind == hostname }
func isSocket(e endpoint) bool   { return e.kind == socket }

// mixedUp are the instances on unix sockets that a DNS cluster cannot have: Envoy would accept
// the cluster and never use them.
func (c Config) mixedUp(s catalog.Service, endpoints []endpoint) []Problem {
	if !slices.ContainsFunc(endpoints, isHostname) {
		return nil
	}
	var problems []Problem
	for _, i := range s.Instances {
		if places, _ := c.placesOf(s, i, ""); len(places) > 0 && places[0].kind == socket {
			problems = append(problems, flaw{Mixed,
				fmt.Sprintf("unix socket %s in a service that has host names", quote(i.SocketPath)),
				"give all instances of the service addresses, or all of them unix sockets, or split it in two services"}.in(s.Key, i))
		}
	}
	return problems
}

// judgeKey says whether a cluster can have the service's name, and whether it would be its own.
func (c Config) judgeKey(k catalog.ServiceKey) flaw {
	if k.Datacenter != c.Datacenter || k.Peer != "" {
		return flaw{Elsewhere, fmt.Sprintf("datacenter %s, peer %s", quote(k.Datacenter), quote(k.Peer)),
			fmt.Sprintf("watch datacenter %s only, or serve that one by a Legate of its own", quote(c.Datacenter))}
	}
	reason := unfit(k.Name)
	switch {
	case k.Name == "*":
		reason = "stands for all names in xDS"
	case k.Name == OwnCluster:
		reason = "is the cluster over which Envoys reach Legate"
	case reason == "" && !k.Askable():
		reason = "has a character that is not printable, and Consul does not let anybody ask for it"
	case strings.HasPrefix(k.Name, "xdstp:"):
		reason = "has the form of an xdstp name, which xDS clients take apart"
	}
	if reason == "" {
		return flaw{}
	}
	return flaw{BadName, fmt.Sprintf("service name %s: %s", quote(k.Name), reason),
		"register the service under another name, a plain one of at most 255 bytes"}
}
