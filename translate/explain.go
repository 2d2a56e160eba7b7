package translate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"legate/discovery/catalog"
	"legate/translate/chain"
	"legate/translate/policy"
)

// Explanation is one name that clients can ask for: what Consul says of its service, and what became of that.
type Explanation struct {
	Name    string    // of the cluster and of the assignment
	Service string    // whose name it is: the name of the cluster of the service itself
	Port    string    // which further port of the service; empty: the service itself
	Ports   []string  // names of the clusters of the service's further ports, sorted
	Served  bool      // there is a cluster of that name
	Changed time.Time // when Consul gave the answer by which it last changed; zero: unknown
	Near    Near      // how where a node stands changes the priorities: see From
	// Overprovisioning is by how many percent the share of healthy endpoints of a priority is multiplied; 0: Envoy's 140.
	Overprovisioning uint32
	// Instances are all that Consul has and that are its endpoints, or could be, in the order in which sites are used,
	// then by node and id.
	Instances []Became
	Problems  []Problem // of the service and of its ports
}

// Became says what became of one instance.
type Became struct {
	Site     catalog.Site // where it is
	Instance catalog.Instance
	// Endpoints are what Envoy gets of it: none if it is left out, several if its host name has several
	// addresses.
	Endpoints []Endpoint
	// Out says why it is left out; nil: it is not.
	Out *Out
}

// Endpoint is an endpoint as Envoy gets it.
type Endpoint struct {
	Address  string // host and port, or the path of a unix socket
	Health   string // in Envoy's words: HEALTHY, DEGRADED, DRAINING, UNHEALTHY
	Weight   uint32
	Priority uint32 // 0 is used first
	Locality catalog.Locality
}

// Out says why an instance is left out.
type Out struct{ Detail, Remedy string }

// Explain explains the name of a cluster; false if Consul has no such service or port. It costs what the service
// costs. It says what is served now: a cluster that waits for a change of policy is explained by its old one.
func (r Resources) Explain(name string) (Explanation, bool) {
	u, is := r.unitOf(name)
	if !is {
		return Explanation{}, false
	}
	x := Explanation{Name: name, Service: u.itself().name(), Port: u.port, Problems: r.problemsOf(u.service)}
	for c := range r.cellsOf(u.service) {
		if c.unit.port != "" && len(c.resources) > 0 {
			x.Ports = append(x.Ports, c.unit.name())
		}
	}
	c := r.cells.get(u)
	if x.Served = len(c.all()) > 0; x.Served {
		x.Changed = c.since
		assignment, _ := c.find(Name{AssignmentType, name})
		x.Near = assignment.Near
		if a, err := assignment.assignment(); err == nil {
			x.Overprovisioning = a.GetPolicy().GetOverprovisioningFactor().GetValue()
		}
	}
	x.Instances = r.became(u, c)
	return x, true
}

// ServicesOf are the services that a resource is of, by the names of their clusters, sorted: the one whose cluster or
// assignment it is, or all that share it.
func (r Resources) ServicesOf(n Name) (services []string) {
	if !isShared(n.Type) {
		if u, is := r.unitOf(n.Name); is {
			services = append(services, u.itself().name())
		}
		return services
	}
	for one := range r.holders.all.from(holding{name: n.Name}) {
		if one.name != n.Name {
			break
		}
		services = append(services, one.unit.itself().name())
	}
	slices.Sort(services)
	return slices.Compact(services)
}

// unitOf is the unit that is called so, and whether there is one.
func (r Resources) unitOf(name string) (unit, bool) {
	return r.rules.called(name, &reader{inputs: r.inputs})
}

// cellsOf yields the cells of a service and of its ports.
func (r Resources) cellsOf(k catalog.ServiceKey) func(yield func(*cell) bool) {
	return func(yield func(*cell) bool) {
		for c := range r.cells.from(unit{service: k}) {
			if c.unit.service != k || !yield(c) {
				return
			}
		}
	}
}

// problemsOf are all problems of a service and of its ports.
func (r Resources) problemsOf(k catalog.ServiceKey) (all []Problem) {
	for c := range r.flawed.from(unit{service: k}) {
		if c.unit.service != k {
			break
		}
		all = append(all, c.problems...)
	}
	return all
}

// became says what became of each instance in the cell of a unit, which may be nil.
func (r Resources) became(u unit, c *cell) []Became {
	read := reader{inputs: r.inputs, newest: r.newestFor(u, &r.inputs)}
	if c.served() {
		read.inputs.sources = r.sourcesOf(u)
		return r.rules.became(u, read.begin(u, c), c.policy)
	}
	out := Out{Detail: "nothing of that name is served"}
	s, is := read.begin(u, c).service(u.service)
	services := []catalog.Service{s}
	switch {
	case c.flawed():
		out = Out{c.problems[0].Detail, c.problems[0].Remedy}
	case !is:
		out = Out{"it is not registered here, and its policy has it fail over to none of those who have it", "set failover in its policy, or ask for it by its name with where it is"}
		services = read.elsewhere(u.service.Name)
	}
	var all []Became
	for _, s := range services {
		for _, i := range s.Instances {
			all = append(all, Became{Site: s.Key.Site(), Instance: i, Out: &out})
		}
	}
	return all
}

// became says what becomes of each instance. An instance has the endpoints that were made of it, except those
// whose address another instance has as well and is served at.
func (c Config) became(u unit, read *reader, said *said) []Became {
	p := said.Policy()
	parts, _ := c.parts(u, said, p, read)
	var all []Became
	for _, s := range parts {
		for _, i := range s.Instances {
			all = append(all, Became{Site: s.Key.Site(), Instance: i})
		}
	}
	endpoints, _ := c.endpointsOf(parts, u.port, p)
	if slices.ContainsFunc(endpoints, isHostname) { // Envoy gets a DNS cluster
		endpoints = slices.DeleteFunc(endpoints, isSocket)
	}
	closeRanks(endpoints)
	servedAt := make(map[address]catalog.Instance, len(endpoints))
	for _, e := range endpoints {
		b := &all[e.instance]
		b.Endpoints = append(b.Endpoints, Endpoint{e.String(), e.state.status().String(), uint32(e.weight), e.rank, e.locality})
		servedAt[e.place()] = b.Instance
	}
	n := 0
	for _, s := range parts {
		for _, i := range s.Instances {
			if len(all[n].Endpoints) == 0 {
				all[n].Out = c.outOf(u, s, i, p, servedAt)
			}
			n++
		}
	}
	return all
}

// outOf says why an instance is left out. servedAt says which instances are served, by their addresses.
func (c Config) outOf(u unit, s part, i catalog.Instance, p policy.Policy, servedAt map[address]catalog.Instance) *Out {
	if stateOf(i, p) == dropped {
		return &Out{fmt.Sprintf("it is %s, and the policy leaves such instances out (%[1]s: drop)", i.Health), "nothing, if that is meant"}
	}
	if !s.has(&i) {
		return &Out{fmt.Sprintf("the filter of subset %s does not hold for it", quote(s.subset.name)), "nothing, if that is meant; " + chain.Key(s.Key.Name).String() + " has the filter"}
	}
	addresses, flaws := c.addressesOf(nil, s, i, u.port)
	for _, a := range addresses {
		if other, is := servedAt[a.place()]; is {
			return &Out{fmt.Sprintf("%s has the same address, and is served in its place", quote(other.Node+"/"+other.ID)),
				"nothing, if that is the one that runs there; else deregister it"}
		}
	}
	switch {
	case len(addresses) > 0 && addresses[0].kind == kindHostname:
		flaws = []flaw{namedLater(addresses[0])}
	case len(addresses) > 0:
		flaws = []flaw{mixed(i)}
	}
	if len(flaws) > 0 {
		return &Out{flaws[0].detail, flaws[0].remedy}
	}
	return &Out{"it has no port " + quote(u.port), "nothing, if that is meant"}
}

// String is the address as people write it.
func (a address) String() string {
	if a.kind == kindSocket {
		return a.host
	}
	host := a.host
	if strings.Contains(host, ":") { // IPv6
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(int(a.port))
}

// place is the address without the name that was resolved to it: where something listens.
func (a address) place() address {
	a.hostname = ""
	return a
}
