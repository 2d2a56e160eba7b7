package translate

import (
	"fmt"
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"legate/discovery/catalog"
	"legate/translate/chain"
	"legate/translate/policy"
)

// unit is the unit of a service, or of one of its further ports.
func (c Config) unit(k catalog.ServiceKey, port string) unit {
	return unit{service: k, port: port, remote: k.Site() != c.site()}
}

// units appends the service itself, its subsets, and those of its further ports that can have a cluster by their names. One of
// another site calls for those of its name here as well, if nobody registers it here: it may be where they fail over to.
func (c Config) units(units []unit, in inputs, s catalog.Service) []unit {
	here, remote := in.here(s.Key.Name), s.Key.Site() != c.site()
	if !remote || c.Remote {
		units = c.unitsOf(units, s.Key, s)
	}
	if remote && in.services.get(here) == nil {
		units = c.unitsOf(units, here, s)
	}
	if !remote || in.services.get(here) == nil {
		units = subsetsOf(units, here, in)
	}
	return units
}

// subsetsOf appends the units of a service's subsets.
func subsetsOf(units []unit, k catalog.ServiceKey, in inputs) []unit {
	if e := in.entries.get(chain.Key(k.Name)); e != nil {
		for name := range e.Resolver.Subsets {
			units = append(units, unit{service: k, subset: name})
		}
	}
	return units
}

// unitsOfEntry appends the units of a resolver that leads requests elsewhere: its service need not be registered.
func (c Config) unitsOfEntry(units []unit, in inputs, e catalog.Entry) []unit {
	if here := in.here(e.Key.Name); leads(e) {
		units = subsetsOf(append(units, c.unit(here, "")), here, in)
	}
	return units
}

// unitsOf appends the units of a key with the ports of a service.
func (c Config) unitsOf(units []unit, k catalog.ServiceKey, s catalog.Service) []unit {
	units = append(units, c.unit(k, ""))
	for _, port := range furtherPorts(s) {
		if !c.checkName(k).found() && !checkPortName(port).found() {
			units = append(units, c.unit(k, port))
		}
	}
	return units
}

// build returns the cluster and the assignment of a unit.
func (c Config) build(u unit, read *reader) ([]Resource, []Problem) {
	if u.remote && !c.Remote {
		return nil, nil
	}
	s, is := read.service(u.service)
	switch {
	case !c.hasSubset(u, read), is && u.port != "" && !slices.Contains(furtherPorts(s), u.port):
		return nil, nil
	case is:
		if bad := c.checkUnit(u, read); bad.found() {
			return nil, []Problem{bad.of(s.Key)}
		}
	case !c.isElsewhere(u, read) && !c.isVirtual(u, read):
		return nil, nil
	}
	said := c.said(u, read)
	p := said.Policy()
	parts, led := c.parts(u, said, p, read)
	if !is {
		if !slices.ContainsFunc(parts, func(p part) bool { return u.port == "" || slices.Contains(furtherPorts(p.Service), u.port) }) {
			return nil, c.resolverFlaws(u, said, led, read) // its policy may have it fail over to none of those who have it
		}
		if bad := c.checkUnit(u, read); bad.found() {
			return nil, []Problem{bad.of(s.Key)}
		}
	}
	endpoints, problems := c.endpointsOf(parts, u.port, p)
	problems = append(problems, c.resolverFlaws(u, said, led, read)...)
	if u == u.itself() {
		problems = append(problems, c.flawsOf(s, said, parts, endpoints)...)
	}
	return c.resourcesOf(u, read, p, endpoints, problems)
}

// resolverFlaws are what of the resolvers does not count for a unit. A port has no others than its service, and
// of a subset only those are told that its service does not have.
func (c Config) resolverFlaws(u unit, said *said, led []chain.Problem, read *reader) (problems []Problem) {
	if u.port != "" || len(led) == 0 {
		return nil
	}
	if u.subset != "" {
		_, of := c.parts(u.itself(), said, policy.Policy{}, read)
		led = slices.DeleteFunc(slices.Clone(led), func(one chain.Problem) bool { return slices.Contains(of, one) })
	}
	for _, one := range led {
		problems = append(problems, flaw{BadResolver, one.Entry.String() + ": " + one.Detail, one.Remedy}.of(u.service))
	}
	return problems
}

// flawsOf are the problems of a service that are not those of single instances.
func (c Config) flawsOf(s catalog.Service, said *said, parts []part, endpoints []endpoint) (problems []Problem) {
	for _, one := range said.problems {
		problems = append(problems, flaw{BadPolicy, one.Source.String() + ": " + one.Detail, one.Remedy}.of(s.Key))
	}
	problems = append(problems, c.unusableSockets(parts, endpoints)...)
	for _, port := range furtherPorts(s) {
		if bad := checkPortName(port); bad.found() {
			problems = append(problems, bad.of(s.Key))
		}
	}
	return problems
}

// checkUnit says why there is no cluster of the unit's name.
func (c Config) checkUnit(u unit, read *reader) flaw {
	if bad := c.checkTaken(u, read); bad.found() {
		return bad
	}
	if bad := c.checkName(u.service); bad.found() || u == u.itself() && !u.remote {
		return bad
	}
	k := u.service
	k.Name = u.name() // longer than the service's own
	bad := c.checkName(k)
	if bad.found() {
		bad.remedy = "give the port, the subset or its service a shorter name"
	}
	return bad
}

// resourcesOf adds the resources to the problems, or the problem that there are none. Raw fields that
// break a rule of Envoy's in this cluster are left out of it.
func (c Config) resourcesOf(u unit, read *reader, p policy.Policy, endpoints []endpoint, problems []Problem) ([]Resource, []Problem) {
	var made []Resource
	if c.Resolved && p.Envoy == nil { // a DNS cluster has endpoints in it, and raw fields may have been left out
		made = read.made()
	}
	resources, err := encodeUnit(u.name(), p, endpoints, made)
	if err != nil && p.Envoy != nil {
		problems = append(problems, flaw{BadPolicy, "the raw fields under envoy are left out: " + err.Error(),
			"correct them in the policy file; they are envoy.config.cluster.v3.Cluster's"}.of(u.service))
		p.Envoy = nil
		resources, err = encodeUnit(u.name(), p, endpoints, nil)
	}
	if err != nil {
		problems = append(problems, flaw{Invalid, err.Error(),
			"please report this as a bug: no catalog should lead here"}.of(u.service))
	}
	return resources, problems
}

// encodeUnit makes the cluster, its assignment and its secrets. A service with host names that Envoy resolves has
// a DNS cluster; its assignment still lists what EDS can carry, for those who name the service in an EDS cluster
// of their own.
//
// What was made of the same policy is taken as it is; nothing if there is none.
func encodeUnit(name string, p policy.Policy, endpoints []endpoint, made []Resource) ([]Resource, error) {
	assigned := endpoints
	var err error
	switch {
	case slices.ContainsFunc(endpoints, isHostname):
		made, err = encodeCluster(dnsCluster(name, p, slices.DeleteFunc(slices.Clone(endpoints), isSocket)))
		assigned = slices.DeleteFunc(slices.Clone(endpoints), isHostname)
	case len(made) == 0:
		made, err = encodeCluster(edsCluster(name, p))
	}
	if err != nil {
		return nil, err
	}
	cluster, secrets := made[0], made[1:]
	assignment, err := encode(Name{AssignmentType, name}, assignment(name, p, assigned), cluster.Version)
	if err != nil {
		return nil, err
	}
	assignment.Near = nearOf(p)
	return append([]Resource{cluster, assignment}, secrets...), nil
}

// encodeCluster encodes a cluster and its secrets, if there is no error already. What is packed in it was
// validated where it was packed, except raw fields.
func encodeCluster(c *clusterv3.Cluster, err error) ([]Resource, error) {
	if err != nil {
		return nil, err
	}
	secrets, err := secretsOf(c)
	if err != nil {
		return nil, err
	}
	cluster, err := encode(Name{ClusterType, c.Name}, c)
	if err != nil {
		return nil, err
	}
	all := []Resource{cluster}
	for _, s := range secrets {
		secret, err := encode(Name{SecretType, s.Name}, s)
		if err != nil {
			return nil, err
		}
		all = append(all, secret)
	}
	return all, nil
}

func isHostname(e endpoint) bool { return e.kind == kindHostname }
func isSocket(e endpoint) bool   { return e.kind == kindSocket }

// unusableSockets are the instances on unix sockets of a service that becomes a DNS cluster: Envoy would
// accept them there and never use them.
func (c Config) unusableSockets(parts []part, endpoints []endpoint) []Problem {
	if !slices.ContainsFunc(endpoints, isHostname) {
		return nil
	}
	var problems []Problem
	for _, s := range parts {
		for _, i := range s.Instances {
			if !s.quiet && !s.checkSocket(i.SocketPath).found() {
				problems = append(problems, mixed(i).in(s.Key, i))
			}
		}
	}
	return problems
}

// mixed says why an instance on a unix socket is not in a DNS cluster.
func mixed(i catalog.Instance) flaw {
	return flaw{Mixed, fmt.Sprintf("unix socket %s in a service that has host names", quote(i.SocketPath)),
		"give all instances of the service addresses, or all of them unix sockets, or split it in two services"}
}

// namedLater says why an instance with a host name is not in a cluster whose first part has none.
func namedLater(a address) flaw {
	return flaw{Mixed, fmt.Sprintf("host name %s in a service whose first site has none: it would make a DNS cluster of all of it", quote(a.host)),
		"register the instance with an IP address, or let Legate resolve host names (--resolve)"}
}
