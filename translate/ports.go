package translate

import (
	"fmt"
	"slices"
	"strings"

	"legate/discovery/catalog"
)

// portCluster is the name of a further port's cluster. It follows Consul's DNS in the same way as the
// service's own cluster does, whose name is the DNS name without ".service" and the domain:
// web.service.consul is web, and web.service.grpc.port.consul is web.grpc.port.
// https://developer.hashicorp.com/consul/docs/services/discovery/dns-static-lookups
func portCluster(service, port string) string { return service + "." + port + portSuffix }

const portSuffix = ".port"

// PortOwner is the service to whose further port a cluster named k.Name belongs. It goes by the name
// alone: ok does not say that there are such a service and port. A port's name has no dots, so the name
// has one reading at most.
func PortOwner(k catalog.ServiceKey) (owner catalog.ServiceKey, ok bool) {
	rest, ok := strings.CutSuffix(k.Name, portSuffix)
	dot := strings.LastIndexByte(rest, '.')
	if !ok || dot < 1 {
		return k, false
	}
	k.Name = rest[:dot]
	return k, true
}

// IsPortOf says whether a cluster's name is that of a further port of a service.
func IsPortOf(service, cluster string) bool {
	owner, ok := PortOwner(catalog.ServiceKey{Name: cluster})
	return ok && owner.Name == service
}

// furtherPorts are the names of a service's ports that are not the default one of every instance,
// sorted. The cluster of a port has all instances with that port, whether it is their default or not: so
// it stays the same while a default port is changed instance by instance.
func furtherPorts(s catalog.Service) []string {
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

// portOf is the port of an instance that has this name; without a name, the port of at.
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

// checkPortName says why no port of this name has a cluster. Consul accepts any name for a port; its
// DNS answers only for names that are labels of RFC 1123, section 2.1.
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
