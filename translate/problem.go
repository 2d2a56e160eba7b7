package translate

import (
	"strconv"

	"legate/discovery/catalog"
)

// Problem says what is not served, and what to do about it. It is data, not an error: the rest of
// the catalog is served.
type Problem struct {
	Service  string // the service's key as text
	Instance string // node/id; empty if the problem is the service's
	Reason   Reason // one of Reasons
	Detail   string // what exactly is wrong, with the offending value
	Remedy   string // what the operator can do, in one sentence
}

// Reason is the kind of a Problem: a constant word, for a metric's label.
type Reason string

// The reasons why something of the catalog is not served. A reason of a service leaves out its cluster
// and its assignment, or those of one of its ports. A reason of an instance leaves out that instance.
const (
	// Of a service.
	BadName         Reason = "name"       // no cluster can have the service's name
	OtherDatacenter Reason = "datacenter" // the service is of another datacenter or of a peer
	Invalid         Reason = "invalid"    // Envoy's own rules are broken, which ours should have prevented
	// BadPolicy leaves out one field of the service's policy, or a part of one; the service is served.
	BadPolicy Reason = "policy"
	// BadResolver leaves out a part of what Consul's service-resolver says; the service is served. A name that nobody
	// registers is not, if the resolver leads to no service that is there.
	BadResolver Reason = "resolver"

	// Of an instance.
	BadAddress Reason = "address"    // neither an IP address to connect to nor a host name
	Unresolved Reason = "unresolved" // a host name without addresses
	BadPort    Reason = "port"       // not within 1 to 65535
	BadSocket  Reason = "socket"     // not the path of a unix socket, or one of another site
	Mixed      Reason = "mixed"      // a unix socket in a service that has host names, or a host name of a later site where the first has none
	// BadLocality leaves out the locality only: the instance is served in its datacenter's region.
	BadLocality Reason = "locality"
)

// Reasons are all of them, in a fixed order: what a metric can have as label values.
func Reasons() []Reason {
	return []Reason{BadName, OtherDatacenter, Invalid, BadPolicy, BadResolver, BadAddress, Unresolved, BadPort, BadSocket, Mixed, BadLocality}
}

// flaw is a Problem before it is known whose it is. Without a reason there is none.
type flaw struct {
	reason Reason
	detail string
	remedy string
}

func (f flaw) found() bool { return f.reason != "" }

// of makes the flaw a problem of a service.
func (f flaw) of(k catalog.ServiceKey) Problem {
	return Problem{Service: k.String(), Reason: f.reason, Detail: f.detail, Remedy: f.remedy}
}

// in makes the flaw a problem of an instance.
func (f flaw) in(k catalog.ServiceKey, i catalog.Instance) Problem {
	p := f.of(k)
	p.Instance = i.Node + "/" + i.ID
	return p
}

// quote shows a value that came from outside, cut to what fits a line of a log.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.Quote(s[:most]) + "..."
	}
	return strconv.Quote(s)
}
