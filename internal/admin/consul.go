package admin

import (
	"net/http"
	"slices"

	"legate/discovery"
	"legate/discovery/resolve"
)

// Consul is how Consul is asked, and how it answers, at one moment.
type Consul struct {
	discovery.Status
	State string `json:"state"` // how it answers, in a word or two
	discovery.Asked
	Holds []discovery.Hold `json:"holds"`
	// HostNames are those by which instances are reached; none: Legate resolves no names.
	HostNames *resolve.Status `json:"host_names,omitempty"`
}

// maxUsers is how many services are listed that use one host name.
const maxUsers = 20

// readConsul is Consul with texts of bounded length.
func (s *Server) readConsul() Consul {
	c := Consul{Status: s.consulStatus(), Asked: s.rooms.Consul.Asked(), Holds: holdsOf(s.rooms.Consul)}
	c.State = c.Status.State()
	if c.Holds == nil {
		c.Holds = []discovery.Hold{} // [] in JSON, not null
	}
	c.Slowest, c.Rejected, c.Outages, c.Refused = slices.Clone(c.Slowest), slices.Clone(c.Rejected), slices.Clone(c.Outages), slices.Clone(c.Refused)
	for i := range c.Slowest {
		c.Slowest[i].About = cut(c.Slowest[i].About)
	}
	for i := range c.Rejected {
		c.Rejected[i].About, c.Rejected[i].Detail = cut(c.Rejected[i].About), cut(c.Rejected[i].Detail)
	}
	for i := range c.Outages {
		c.Outages[i].Detail = cut(c.Outages[i].Detail)
	}
	for i := range c.Refused {
		c.Refused[i].Name, c.Refused[i].Detail = cut(c.Refused[i].Name), cut(c.Refused[i].Detail)
	}
	if s.rooms.HostNames != nil {
		names := s.rooms.HostNames()
		names.Troubled = slices.Clone(names.Troubled)
		for i := range names.Troubled {
			n := &names.Troubled[i]
			n.Host, n.Detail, n.Services = cut(n.Host), cut(n.Detail), slices.Clone(n.Services[:min(len(n.Services), maxUsers)])
			for j := range n.Services {
				n.Services[j] = cut(n.Services[j])
			}
		}
		c.HostNames = &names
	}
	return c
}

// consulStatus is discovery's, with texts of bounded length.
func (s *Server) consulStatus() discovery.Status {
	c := s.rooms.Consul.Status()
	c = cutStatus(c)
	c.Sites = slices.Clone(c.Sites)
	for i := range c.Sites {
		c.Sites[i].Status = cutStatus(c.Sites[i].Status)
	}
	return c
}

func cutStatus(c discovery.Status) discovery.Status {
	c.LastError = cut(c.LastError)
	c.Problems = slices.Clone(c.Problems)
	for i := range c.Problems {
		c.Problems[i].Detail = cut(c.Problems[i].Detail)
	}
	return c
}

func (s *Server) consul(w http.ResponseWriter, r *http.Request) { s.answer(w, r, s.readConsul()) }
