package translate

import (
	"fmt"
	"slices"
	"strings"

	"legate/discovery/catalog"
)

// portCluster is the name of a further port's cluster. It follows Consul's DNS, as the service's own
// cluster does. That one is the DNS name without ".service" and the domain: web.service.consul becomes
// web, so web.service.grpc.port.consul becomes web.grpc.port.
// https://developer.hashicorp.com/consul/docs/services/discovery/dns-static-lookups
func portCluster(service, port string) string { return service + "." + port + portSuffix }

const portSuffix = ".port"

// IsPortOf reports whether a cluster's name is that of a further port of the service. It goes by the
// name alone: there may be no such port. A port's name has no dots, so a cluster's name is that of
// one service's port at most.
func IsPortOf(service, cluster string) bool {
	rest, ok := strings.CutSuffix(cluster, portSuffix)
	dot := strings.LastIndexByte(rest, '.')
	return ok && dot > 0 && rest[:dot] == service
}

// furtherPorts are the names of those ports of a service that are not the default of all its instances, or of
// its last ones if it has none, sorted. The cluster of a port has all instances with that port, even those whose default it is. So it
// stays the same while the default port is changed from one instance to the next.
func furtherPorts(s catalog.Service) []string {
	var names []string
	for _, i := range s.Voters() {
		for _, p := range i.Ports {
			if !p.Default {
				names = append(names, p.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// portOf is the instance's port of this name; without a name, the port of the address at.
func portOf(i catalog.Instance, name string, at catalog.TaggedAddress) (port int, has bool) {
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

// checkPortName says why a port of this name has no cluster. Consul accepts any name for a port, but its
// DNS answers only for labels as in RFC 1123, section 2.1.
func checkPortName(port string) flaw {
	if port == "" || len(port) > 63 || port[0] == '-' || port[len(port)-1] == '-' || strings.ContainsFunc(port, notInLabel) {
		return flaw{BadPort, fmt.Sprintf("port name %s is not one that DNS can tell", quote(port)),
			"name the port with letters, digits and dashes, at most 63"}
	}
	return flaw{}
}

func notInLabel(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
}
