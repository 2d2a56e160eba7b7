package translate

import (
	"fmt"
	"slices"

	"legate/discovery/catalog"
)

// units appends the service itself and those of its further ports that can have a cluster by their names.
func (c Config) units(units []unit, s catalog.Service) []unit {
	units = append(units, unit{service: s.Key})
	for _, port := range furtherPorts(s) {
		if !c.checkName(s.Key).found() && !checkPortName(port).found() {
			units = append(units, unit{s.Key, port})
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
	c, assigned := edsCluster(name, s), endpoints
	if slices.ContainsFunc(endpoints, isHostname) {
		var err error
		if c, err = dnsCluster(name, s, slices.DeleteFunc(slices.Clone(endpoints), isSocket)); err != nil {
			return nil, err
		}
		assigned = slices.DeleteFunc(slices.Clone(endpoints), isHostname)
	}
	cluster, err := encode(Name{ClusterType, name}, c)
	if err != nil {
		return nil, err
	}
	assignment, err := encode(Name{AssignmentType, name}, assignment(name, assigned), cluster.Version)
	if err != nil {
		return nil, err
	}
	return []Resource{cluster, assignment}, nil
}

func isHostname(e endpoint) bool { return e.kind == kindHostname }
func isSocket(e endpoint) bool   { return e.kind == kindSocket }

// unusableSockets are the instances on unix sockets of a service that becomes a DNS cluster: Envoy would
// accept them there and never use them.
func (c Config) unusableSockets(s catalog.Service, endpoints []endpoint) []Problem {
	if !slices.ContainsFunc(endpoints, isHostname) {
		return nil
	}
	var problems []Problem
	for _, i := range s.Instances {
		if !checkSocket(i.SocketPath).found() {
			problems = append(problems, flaw{Mixed,
				fmt.Sprintf("unix socket %s in a service that has host names", quote(i.SocketPath)),
				"give all instances of the service addresses, or all of them unix sockets, or split it in two services"}.in(s.Key, i))
		}
	}
	return problems
}
