package catalog

import (
	"cmp"
	"maps"
	"slices"
	"sort"
)

// Service is one Consul service with all of its instances, healthy or not.
type Service struct {
	Key       ServiceKey
	Instances []Instance // sorted by Node, then ID
	// Former are the instances that it had last, while it has none: what they said of it still holds. Those
	// are no endpoints. It is nil for a service that has instances, and for one that was never seen with some.
	Former []Instance `json:",omitempty"`
	// Index is Consul's index of the answer that made it what it is; 0: unknown. It does not count in Equal.
	Index uint64 `json:"-"`
	// Hosts are the host names that its instances are reached by, in lower case, and what they stand
	// for. A Watcher does not know that: package resolve fills it in.
	Hosts map[string]Host `json:",omitempty"`
}

// Equal reports whether both say the same. Raft indexes and check output do not count:
// they move without anything having changed for a client.
func (s Service) Equal(o Service) bool {
	return s.Key == o.Key && slices.EqualFunc(s.Instances, o.Instances, Instance.Equal) &&
		slices.EqualFunc(s.Former, o.Former, Instance.Equal) && maps.EqualFunc(s.Hosts, o.Hosts, Host.Equal)
}

// With is the service with these instances instead of its own. If there are none, it keeps those that it had
// last as its Former. So what is said of it does not change with the last instance that goes, nor with the
// first one that comes back.
func (s Service) With(instances []Instance) Service {
	is := Service{Key: s.Key, Instances: instances}
	if len(instances) == 0 {
		is.Former = s.Voters()
	}
	return is
}

// Voters are the instances that say what the service is and how it is reached: all that it has, whatever their
// health; without any, those that it had last.
func (s Service) Voters() []Instance {
	if len(s.Instances) == 0 {
		return s.Former
	}
	return s.Instances
}

// Instance is one registration of a service on a Consul node.
type Instance struct {
	ID   string // unique on its node only
	Node string
	// Address is where to connect: the service's address, or the node's where the service has
	// none. An IP without brackets, a host name, or empty where SocketPath is set.
	Address        string
	ServiceAddress string // as registered
	NodeAddress    string // as registered
	// Tagged are the further addresses by tag: the service's, and the node's where the service has no
	// address of its own. A port of 0 is none.
	Tagged      map[string]TaggedAddress
	Port        int    // as registered: not yet judged; of several, the default one
	Ports       []Port // where there are several: all of them, sorted by name
	SocketPath  string // a unix socket, instead of Address and Port
	Health      Health
	Checks      []Check // sorted by ID
	Weights     Weights
	Tags        []string // sorted
	Meta        map[string]string
	NodeMeta    map[string]string
	Locality    Locality // the service's, else the node's
	Kind        string   // Consul's service kind; empty for a typical service
	CreateIndex uint64
	ModifyIndex uint64
}

// InstanceKey names an instance. It is unique in a service: Consul has an id once on a node.
type InstanceKey struct{ Node, ID string }

// Key names the instance.
func (i *Instance) Key() InstanceKey { return InstanceKey{i.Node, i.ID} }

// TakesTraffic reports whether clients send requests to the instance as it is served: it is neither
// critical nor in maintenance.
func (i *Instance) TakesTraffic() bool { return i.Health < Critical }

// Compare orders instances by node and id, which together are unique in a service.
func (i Instance) Compare(o Instance) int {
	return compareKeys(&i, &o)
}

// Find is where an instance is among these, which are sorted, and whether it is.
func Find(all []Instance, key InstanceKey) (at int, there bool) {
	return sort.Find(len(all), func(i int) int {
		return cmp.Or(cmp.Compare(key.Node, all[i].Node), cmp.Compare(key.ID, all[i].ID))
	})
}

// Lacking are those of was that now lacks, and Common those that it has. All are sorted.
func Lacking(was, now []Instance) []Instance { return pick(was, now, false) }
func Common(was, now []Instance) []Instance  { return pick(was, now, true) }

func pick(was, now []Instance, there bool) (out []Instance) {
	at := 0
	for i := range was {
		for at < len(now) && compareKeys(&now[at], &was[i]) < 0 {
			at++
		}
		if is := at < len(now) && compareKeys(&now[at], &was[i]) == 0; is == there {
			out = append(out, was[i])
		}
	}
	return out
}

// compareKeys is Compare for instances that are not to be copied.
func compareKeys(a, b *Instance) int {
	return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.ID, b.ID))
}

// Equal reports whether both say the same; CreateIndex and ModifyIndex do not count.
func (i Instance) Equal(o Instance) bool {
	return i.ID == o.ID && i.Node == o.Node &&
		i.Address == o.Address && i.ServiceAddress == o.ServiceAddress && i.NodeAddress == o.NodeAddress &&
		i.Port == o.Port && i.SocketPath == o.SocketPath &&
		i.Health == o.Health && i.Weights == o.Weights && i.Locality == o.Locality && i.Kind == o.Kind &&
		slices.Equal(i.Checks, o.Checks) && slices.Equal(i.Tags, o.Tags) &&
		slices.Equal(i.Ports, o.Ports) && maps.Equal(i.Tagged, o.Tagged) && maps.Equal(i.Meta, o.Meta) && maps.Equal(i.NodeMeta, o.NodeMeta)
}

// TaggedAddress is one of Consul's additional addresses (lan, wan, lan_ipv6, ...).
type TaggedAddress struct {
	Address string
	Port    int
}

// Port is one of several ports of an instance.
type Port struct {
	Name    string
	Port    int
	Default bool
}

// Check is the status of one health check of an instance or of its node, without its output.
type Check struct {
	ID     string
	Status string // passing, warning, critical or maintenance, as Consul says
	Node   bool   // of the node, not of the service
}

// Weights are Consul's service weights: the share of traffic while passing and while warning.
type Weights struct {
	Passing int
	Warning int
}

// Locality is Consul's region and zone. Consul has no sub-zone.
type Locality struct {
	Region string
	Zone   string
}

// Health is the worst of an instance's checks. An instance without checks is passing.
type Health uint8

// The states in the order of their gravity. Maintenance is above Critical: an operator said so.
const (
	Passing Health = iota
	Warning
	Critical
	Maintenance
)

// String is the state's name as Consul writes it.
func (h Health) String() string {
	return [...]string{"passing", "warning", "critical", "maintenance"}[h]
}
