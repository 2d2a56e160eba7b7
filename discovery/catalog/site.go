package catalog

import "cmp"

// Site is where services are: a datacenter, or a peer of the own one. Peers belong to the datacenter
// that peers with them, so two datacenters may each have one of the same name.
type Site struct {
	Datacenter string
	Peer       string // empty: the datacenter itself
}

// Site is where the service is.
func (k ServiceKey) Site() Site { return Site{Datacenter: k.Datacenter, Peer: k.Peer} }

// Service is the key of the service of this name at the site.
func (s Site) Service(name string) ServiceKey {
	return ServiceKey{Datacenter: s.Datacenter, Peer: s.Peer, Name: name}
}

// NameOf is what the service is called at the site: by its own name if it is there, else with where it is, such as
// web.dc2 and web.cluster01.peer.
func (s Site) NameOf(k ServiceKey) string {
	if at := k.Site(); at != s {
		return k.Name + "." + at.String()
	}
	return k.Name
}

// Compare orders sites by datacenter and peer: a datacenter comes before its peers.
func (s Site) Compare(o Site) int {
	return cmp.Or(cmp.Compare(s.Datacenter, o.Datacenter), cmp.Compare(s.Peer, o.Peer))
}

// String is what follows a service's name: "dc2" for a datacenter, "cluster01.peer" for a peer. A
// peer's datacenter is not in it, as it is not in what Consul's DNS calls a peer's services.
func (s Site) String() string {
	if s.Peer != "" {
		return s.Peer + ".peer"
	}
	return s.Datacenter
}
