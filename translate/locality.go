package translate

import (
	"fmt"

	"legate/discovery/catalog"
)

// The keys of Consul's node meta that say where a node is. They count where Consul itself has no
// locality for the instance.
const (
	RegionMeta = "region"
	ZoneMeta   = "zone"
)

// localityOf is the locality that Consul has for the instance, else what its node's meta says. Without
// a region it has the one of its site: gRPC demands a locality that is not empty.
func localityOf(i catalog.Instance, site string) (catalog.Locality, flaw) {
	l := i.Locality
	if l == (catalog.Locality{}) {
		l = catalog.Locality{Region: i.NodeMeta[RegionMeta], Zone: i.NodeMeta[ZoneMeta]}
	}
	if l.Region == "" {
		l.Region = site
	}
	for _, s := range []string{l.Region, l.Zone} {
		if reason := invalidName(s); s != "" && reason != "" {
			return catalog.Locality{Region: site}, flaw{BadLocality,
				fmt.Sprintf("region %s, zone %s: %s", quote(l.Region), quote(l.Zone), reason),
				"give the instance or its node a plain region and zone; until then it is served in the datacenter's region"}
		}
	}
	return l, flaw{}
}
