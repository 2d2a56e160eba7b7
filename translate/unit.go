package translate

import (
	"cmp"

	"legate/discovery/catalog"
)

// unit is one name that clients can ask for: a service, a further port of a service, or a subset of one. It is what
// is built at once, and built again when something changes that it read.
type unit struct {
	service catalog.ServiceKey
	port    string // empty: the service itself
	subset  string // as the service's resolver names it; empty: all of the service
	remote  bool   // whether the service is elsewhere than at the own site; its name says where
}

// Compare orders units by service, the service itself before its subsets and ports. Where a service is says whether it is
// remote.
func (u unit) Compare(o unit) int {
	return cmp.Or(u.service.Compare(o.service), cmp.Compare(u.port, o.port), cmp.Compare(u.subset, o.subset))
}

// name is the name of the unit's cluster. It follows Consul's DNS, as that of a port does: web.service.dc2.dc.consul
// becomes web.dc2, and web.service.cluster01.peer.consul becomes web.cluster01.peer. That of a subset is as in the names
// of Consul's discovery chain: v2.web.
// https://developer.hashicorp.com/consul/docs/services/discovery/dns-static-lookups
func (u unit) name() string {
	name := u.service.Name
	if u.port != "" {
		name = portCluster(name, u.port)
	}
	if u.subset != "" {
		name = u.subset + "." + name
	}
	if u.remote {
		name += "." + u.service.Site().String()
	}
	return name
}

// itself is the unit of the service whose port or subset u is.
func (u unit) itself() unit {
	u.port, u.subset = "", ""
	return u
}

// appendTo appends the unit as bytes.
func (u unit) appendTo(b []byte) []byte {
	return appendStrings(appendService(b, u.service), u.port, u.subset)
}

func appendService(b []byte, k catalog.ServiceKey) []byte {
	return appendStrings(b, k.Datacenter, k.Peer, k.Name)
}
