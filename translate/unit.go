package translate

import (
	"cmp"

	"legate/discovery/catalog"
)

// unit is one name that clients can ask for: a service, or a further port of a service. It is what
// is built at once, and built again when something changes that it read.
type unit struct {
	service catalog.ServiceKey
	port    string // empty: the service itself
}

// Compare orders units by service, the service itself before its ports.
func (u unit) Compare(o unit) int {
	return cmp.Or(u.service.Compare(o.service), cmp.Compare(u.port, o.port))
}

// name is the name of the unit's cluster.
func (u unit) name() string {
	if u.port == "" {
		return u.service.Name
	}
	return portCluster(u.service.Name, u.port)
}

// appendTo appends the unit as bytes.
func (u unit) appendTo(b []byte) []byte { return appendStrings(appendService(b, u.service), u.port) }

func appendService(b []byte, k catalog.ServiceKey) []byte {
	return appendStrings(b, k.Datacenter, k.Peer, k.Name)
}
