package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// maxSites is how many datacenters and peers have series of their own at once.
const maxSites = 50

// siteLabels are the labels of all that is counted by site.
var siteLabels = []label{
	{name: "datacenter", bound: "that is followed, as above"},
	{name: "peer", bound: "that is followed, as above; empty for a datacenter"},
}

// site says where services are: its labels.
type site struct{ datacenter, peer string }

// beyond is the site of all that have no series of their own.
var beyond = site{overflow, overflow}

// sites are the datacenters and peers that are followed. It is a prometheus.Collector: each scrape gives each series the
// labels that its site has at that moment, and the series of a site leave with it.
type sites struct {
	info        *prometheus.GaugeVec
	connections prometheus.Gauge

	mu    sync.Mutex
	own   *Consul
	named map[site]*Consul // the others
	rest  *siteSeries      // of those that share; nil if there are none
}

// At returns what counts for another datacenter, or for a peer, which the own datacenter imports services from; for a
// datacenter the peer is empty. It is the same for the same site until Gone. Beyond 50 sites the others share series:
// gauges add up, and the oldest answer is that of all.
func (c *Consul) At(datacenter, peer string) *Consul {
	if c == nil {
		return nil
	}
	return c.sites.at(site{siteLabel(datacenter), siteLabel(peer)})
}

// Gone ends the series of a site. What its Consul is told afterwards does not count; the own datacenter stays.
func (c *Consul) Gone() {
	if c == nil {
		return
	}
	s := c.sites
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.named[c.site] == c {
		s.leave(c)
	}
}

// Datacenter says what the own datacenter is called. A site of that name that was there before leaves.
func (c *Consul) Datacenter(name string) {
	if c == nil || c != c.sites.own {
		return
	}
	s, is := c.sites, site{datacenter: siteLabel(name)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if same := s.named[is]; same != nil {
		s.leave(same)
	}
	c.site = is
	s.info.Reset()
	s.info.WithLabelValues(clean(name)).Set(1)
}

// siteLabel is a name as a label, which an empty one is, too.
func siteLabel(name string) string {
	if name == "" {
		return ""
	}
	return clean(name)
}

func (s *sites) at(is site) *Consul {
	s.mu.Lock()
	defer s.mu.Unlock()
	if is == s.own.site {
		return s.own
	}
	if known := s.named[is]; known != nil {
		return known
	}
	var c *Consul
	if s.apart() < maxSites && is != beyond {
		c = s.join(is, another())
	} else {
		if s.rest == nil {
			s.rest = another()
		}
		c = s.join(is, s.rest)
	}
	s.named[is] = c
	return c
}

// apart returns how many sites have series of their own.
func (s *sites) apart() int {
	n := 1 // the own datacenter
	for _, c := range s.named {
		if c.siteSeries != s.rest {
			n++
		}
	}
	return n
}

// another returns new series. What they are is declared already, by those of the own datacenter.
func another() *siteSeries {
	return newSiteSeries(declarer{registry: prometheus.NewRegistry(), declared: &declared{}})
}

// join has a site use series.
func (s *sites) join(is site, use *siteSeries) *Consul {
	c := &Consul{
		sites: s, site: is, siteSeries: use,
		services: partOf(use.services), massCritical: partOf(use.massCritical),
		index: partsOf(use.index, indexQueries), instances: partsOf(use.instances, healths), entries: partsOf(use.entries, entryKinds),
		watches: partsOf(use.watches, watchModes), holds: partsOf(use.holds, suspicions), listed: partsOf(use.holds, []string{unlisted}), kept: partsOf(use.kept, suspicions),
	}
	use.with(c)
	return c
}

func (s *sites) leave(c *Consul) {
	delete(s.named, c.site)
	if c.without(c) == 0 && c.siteSeries == s.rest {
		s.rest = nil
	}
	c.services.end()
	c.massCritical.end()
	for _, several := range []parts{c.index, c.instances, c.entries, c.watches, c.holds, c.kept, c.listed} {
		several.end()
	}
}

// Describe implements prometheus.Collector. Which series there are changes, so that it describes none.
func (s *sites) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (s *sites) Collect(ch chan<- prometheus.Metric) {
	for is, series := range s.now() {
		prometheus.WrapCollectorWith(prometheus.Labels{"datacenter": is.datacenter, "peer": is.peer}, series.registry).Collect(ch)
	}
}

// now returns which series there are, each once.
func (s *sites) now() map[site]*siteSeries {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[site]*siteSeries{s.own.site: s.own.siteSeries}
	for is, c := range s.named {
		if c.siteSeries == s.rest {
			is = beyond
		}
		all[is] = c.siteSeries
	}
	return all
}
