package translate

import (
	"fmt"
	"slices"
	"strings"

	"legate/discovery/catalog"
)

// units appends the service itself and its further ports.
func (c Config) units(units []unit, s catalog.Service) []unit {
	units = append(units, unit{service: s.Key})
	if ports := furtherPorts(s); len(ports) > 0 && !c.checkName(s.Key).found() {
		for _, port := range ports {
			if !checkPortName(port).found() {
				units = append(units, unit{s.Key, port})
			}
		}
	}
	return units
}

// build returns the cluster and the assignment of a unit.
func (c Config) build(u unit, read *reader) ([]Resource, []Problem) {
	s, is := read.service(u.service)
	switch {
	case !is:
		return nil, nil
	case u.port == "":
		return c.buildService(s)
	case slices.Contains(furtherPorts(s), u.port):
		return c.buildPort(u, s, read)
	default:
		return nil, nil
	}
}

func (c Config) buildService(s catalog.Service) ([]Resource, []Problem) {
	if bad := c.checkName(s.Key); bad.found() {
		return nil, []Problem{bad.of(s.Key)}
	}
	endpoints, problems := c.endpointsOf(s, "")
	problems = append(problems, c.unusableSockets(s, endpoints)...)
	for _, port := range furtherPorts(s) {
		if bad := checkPortName(port); bad.found() {
			problems = append(problems, bad.of(s.Key))
		}
	}
	return c.resourcesOf(unit{service: s.Key}, endpoints, problems)
}

func (c Config) buildPort(u unit, s catalog.Service, read *reader) ([]Resource, []Problem) {
	k := u.service
	k.Name = u.name()
	if _, taken := read.service(k); taken {
		return nil, []Problem{flaw{BadName,
			fmt.Sprintf("port %s would be cluster %s, and there is a service of that name", quote(u.port), quote(k.Name)),
			"give the port or that service another name"}.of(s.Key)}
	}
	if bad := c.checkName(k); bad.found() {
		bad.remedy = "give the port or its service a shorter name"
		return nil, []Problem{bad.of(s.Key)}
	}
	endpoints, problems := c.endpointsOf(s, u.port)
	return c.resourcesOf(u, endpoints, problems)
}

// resourcesOf adds the resources to the problems, or the problem that there are none.
func (c Config) resourcesOf(u unit, endpoints []endpoint, problems []Problem) ([]Resource, []Problem) {
	resources, err := encodeUnit(u.name(), c.settingsFor(u.service), endpoints)
	if err != nil {
		problems = append(problems, flaw{Invalid, err.Error(),
			"please report this as a bug: no catalog should lead here"}.of(u.service))
	}
	return resources, problems
}

// encodeUnit makes both resources. A service with host names that Envoy resolves has a DNS cluster; its
// assignment still lists what EDS can carry, for those who name the service in an EDS cluster of their own.
func encodeUnit(name string, s Settings, endpoints []endpoint) ([]Resource, error) {
	addresses := slices.DeleteFunc(slices.Clone(endpoints), isHostname)
	c := edsCluster(name, s)
	if len(addresses) < len(endpoints) {
		var err error
		c, err = dnsCluster(name, s, slices.DeleteFunc(slices.Clone(endpoints), isSocket))
		if err != nil {
			return nil, err
		}
	}
	cluster, err := encode(Name{ClusterType, name}, c)
	if err != nil {
		return nil, err
	}
	assignment, err := encode(Name{AssignmentType, name}, assignment(name, addresses), cluster.Version)
	if err != nil {
		return nil, err
	}
	return []Resource{cluster, assignment}, nil
}

func isHostname(e endpoint) bool { return e.kind == hostname }
func isSocket(e endpoint) bool   { return e.kind == socket }

// unusableSockets are the instances on unix sockets that a DNS cluster cannot have: Envoy would accept
// the cluster and never use them.
func (c Config) unusableSockets(s catalog.Service, endpoints []endpoint) []Problem {
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

// checkName says whether a cluster can have the service's name, and whether it would be its own.
func (c Config) checkName(k catalog.ServiceKey) flaw {
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
