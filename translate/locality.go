package translate

import (
	"fmt"

	"legate/discovery/catalog"
)

// The keys of Consul's node meta that say where a node stands, for Consul servers and agents
// that have no locality of their own.
const (
	RegionMeta = "region"
	ZoneMeta   = "zone"
)

// localityOf is Consul's own locality of the instance; else its node's meta; and where none
// names a region, the datacenter is the region. So it is never empty, which gRPC demands.
func localityOf(i catalog.Instance, datacenter string) (catalog.Locality, flaw) {
	l := i.Locality
	if l == (catalog.Locality{}) {
		l = catalog.Locality{Region: i.NodeMeta[RegionMeta], Zone: i.NodeMeta[ZoneMeta]}
	}
	if l.Region == "" {
		l.Region = datacenter
	}
	for _, s := range []string{l.Region, l.Zone} {
		if reason := unfit(s); s != "" && reason != "" {
			return catalog.Locality{Region: datacenter}, flaw{BadLocality,
				fmt.Sprintf("region %s, zone %s: %s", quote(l.Region), quote(l.Zone), reason),
				"give the instance or its node a plain region and zone; until then it is served in the datacenter's region"}
		}
	}
	return l, flaw{}
}
