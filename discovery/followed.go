package discovery

import (
	"slices"

	"legate/discovery/catalog"
)

// followed are the sites that are followed beside the own datacenter. It does not change: another one takes its place, so
// that who looks into it waits for nobody.
type followed struct {
	sites []*site // in order
	// Whether it is known which datacenters and peers there are: only named ones are followed, or Consul has listed them.
	datacenters, peers bool
}

// find is where a site is, or would be.
func (f *followed) find(at catalog.Site) (i int, is bool) {
	return slices.BinarySearchFunc(f.sites, at, func(s *site, at catalog.Site) int { return s.at.Compare(at) })
}

// of is the site there; nil if it is not followed.
func (f *followed) of(at catalog.Site) *site {
	if i, is := f.find(at); is {
		return f.sites[i]
	}
	return nil
}

// told says whether it is known if there is such a site.
func (f *followed) told(at catalog.Site) bool {
	if at.Peer != "" {
		return f.peers
	}
	return f.datacenters
}

// with has one more site.
func (f *followed) with(s *site) *followed {
	to := *f
	i, _ := f.find(s.at)
	to.sites = slices.Insert(slices.Clone(f.sites), i, s)
	return &to
}

// without lacks a site.
func (f *followed) without(s *site) *followed {
	to := *f
	to.sites = slices.DeleteFunc(slices.Clone(f.sites), func(o *site) bool { return o == s })
	return &to
}
