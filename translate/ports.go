package translate

import (
	"fmt"
	"slices"
	"strings"

	"legate/discovery"
)

// portCluster names the cluster of a further port as Consul's DNS names the port, without what the
// service's own cluster lacks of its DNS name, too: web.service.consul is web, and
// web.service.grpc.port.consul is web.grpc.port.
// https://developer.hashicorp.com/consul/docs/services/discovery/dns-static-lookups
func portCluster(service, port string) string { return service + "." + port + portSuffix }

const portSuffix = ".port"

// PortOwner is the service of which a further port has a cluster of k's name, if there are such a
// service and port. A port's name has no dots, so there is one at most.
func PortOwner(k discovery.ServiceKey) (owner discovery.ServiceKey, ok bool) {
	rest, ok := strings.CutSuffix(k.Name, portSuffix)
	dot := strings.LastIndexByte(rest, '.')
	if !ok || dot < 1 {
		return k, false
	}
	k.Name = rest[:dot]
	return k, true
}

// furtherPorts are the names of the ports that are not every instance's default one, sorted. The
// cluster of a port has all instances that have it, so that it is the same while the default
// changes from one instance to the next.
func furtherPorts(s discovery.Service) []string {
	var names []string
	for _, i := range s.Instances {
		for _, p := range i.Ports {
			if !p.Default {
				names = append(names, p.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// portOf is the instance's port of a name; of no name: the port of at.
func portOf(i discovery.Instance, name string, at discovery.TaggedAddress) (port int, has bool) {
	if name == "" {
		return at.Port, true
	}
	for _, p := range i.Ports {
		if p.Name == name {
			return p.Port, true
		}
	}
	return 0, false
}

// judgePort says why a port has no cluster of its own. Consul takes any name, and its DNS can tell
// those only that are a label of RFC 1123 section 2.1.
func (c Config) judgePort(s discovery.Service, port string, taken func(discovery.ServiceKey) bool) flaw {
	k := s.Key
	k.Name = portCluster(k.Name, port)
	if port == "" || len(port) > 63 || port[0] == '-' || port[len(port)-1] == '-' || strings.ContainsFunc(port, notInLabel) {
		return flaw{BadPort, fmt.Sprintf("port name %s is not one that DNS can tell", quote(port)),
			"name the port with letters, digits and dashes, at most 63"}
	}
	if taken(k) {
		return flaw{BadName, fmt.Sprintf("port %s would be cluster %s, and there is a service of that name", quote(port), quote(k.Name)),
			"give the port or that service another name"}
	}
	bad := c.judgeKey(k)
	if bad.found() {
		bad.remedy = "give the port or its service a shorter name"
	}
	return bad
}

func notInLabel(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
}
