package consul

import (
	"time"

	"legate/discovery/catalog"
)

// resolverEntry is what a service-resolver says of where requests go.
// https://developer.hashicorp.com/consul/docs/reference/config-entry/service-resolver
type resolverEntry struct {
	DefaultSubset        string
	Subsets              map[string]catalog.Subset
	Redirect             *resolverTarget
	Failover             map[string]resolverFailover
	RequestTimeout       span
	PrioritizeByLocality struct{ Mode string }
}

type resolverTarget struct {
	Service, ServiceSubset, Namespace, Partition, Datacenter, Peer, SamenessGroup string
}

// resolverFailover has Targets, or Datacenters, or neither: then the failover itself is the only target.
type resolverFailover struct {
	Service, ServiceSubset, Namespace, SamenessGroup string

	Datacenters []string
	Targets     []resolverTarget
	Policy      struct{ Mode string }
}

// resolver is what the entry says, as a value.
func (said *resolverEntry) resolver() catalog.Resolver {
	r := catalog.Resolver{
		DefaultSubset: said.DefaultSubset, Subsets: said.Subsets,
		RequestTimeout: time.Duration(said.RequestTimeout), PrioritizeByLocality: said.PrioritizeByLocality.Mode,
	}
	if said.Redirect != nil {
		to := said.Redirect.target()
		r.Redirect = &to
	}
	for subset, f := range said.Failover {
		if r.Failover == nil {
			r.Failover = make(map[string]catalog.Failover, len(said.Failover))
		}
		r.Failover[subset] = f.failover()
	}
	return r
}

func (f *resolverFailover) failover() catalog.Failover {
	is := catalog.Failover{Mode: f.Policy.Mode}
	itself := resolverTarget{Service: f.Service, ServiceSubset: f.ServiceSubset, Namespace: f.Namespace, SamenessGroup: f.SamenessGroup}
	for _, dc := range f.Datacenters {
		itself.Datacenter = dc
		is.Targets = append(is.Targets, itself.target())
	}
	for _, t := range f.Targets {
		is.Targets = append(is.Targets, t.target())
	}
	if len(is.Targets) == 0 {
		is.Targets = []catalog.Target{itself.target()}
	}
	return is
}

func (t resolverTarget) target() catalog.Target {
	return catalog.Target{
		Service: t.Service, Subset: t.ServiceSubset, Datacenter: t.Datacenter, Peer: t.Peer,
		Namespace: t.Namespace, Partition: t.Partition, SamenessGroup: t.SamenessGroup,
	}
}
