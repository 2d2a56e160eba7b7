package translate

import (
	"legate/discovery/catalog"
)

// The reasons why something of the catalog is not served. Reasons of an instance leave out
// that instance; reasons of a service leave out its cluster and its assignment.
const (
	// Of a service.
	BadName   Reason = "name"       // no cluster can have the service's name
	Elsewhere Reason = "datacenter" // the service is of another datacenter or of a peer
	Invalid   Reason = "invalid"    // Envoy's own rules are broken, which ours should have prevented

	// Of an instance.
	BadAddress Reason = "address"    // neither an IP address to connect to nor a host name
	Unresolved Reason = "unresolved" // a host name without addresses
	BadPort    Reason = "port"       // not within 1 to 65535
	BadSocket  Reason = "socket"     // not the path of a unix socket
	Mixed      Reason = "mixed"      // a unix socket in a service that has host names
	// BadLocality leaves out the locality only: the instance is served in its datacenter's.
	BadLocality Reason = "locality"
)

// Reasons are all of them, in a fixed order: what a metric can have as label values.
func Reasons() []Reason {
	return []Reason{BadName, Elsewhere, Invalid, BadAddress, Unresolved, BadPort, BadSocket, Mixed, BadLocality}
}

// flaw is a Problem that does not know yet whose it is. Without a reason there is none.
type flaw struct {
	reason Reason
	detail string
	remedy string
}

func (f flaw) found() bool { return f.reason != "" }

func (f flaw) of(k catalog.ServiceKey) Problem {
	return Problem{Service: k.String(), Reason: f.reason, Detail: f.detail, Remedy: f.remedy}
}

func (f flaw) in(k catalog.ServiceKey, i catalog.Instance) Problem {
	p := f.of(k)
	p.Instance = i.Node + "/" + i.ID
	return p
}
