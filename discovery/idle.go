package discovery

import (
	"slices"

	"legate/discovery/catalog"
)

// The guard counts instances that take traffic. One that is served as critical or in maintenance
// takes none, so its removal is no loss: a reaper may deregister many of those at once. To turn
// critical is no loss either; that is health, which is believed at once.

// taking counts the instances that take traffic.
func taking(all []catalog.Instance) (n int) {
	for i := range all {
		if all[i].TakesTraffic() {
			n++
		}
	}
	return n
}

// idled counts the instances of now that take no traffic and did in was. Both are sorted.
func idled(was, now []catalog.Instance) (n int) {
	for i := range now {
		if now[i].TakesTraffic() {
			continue
		}
		if at, there := slices.BinarySearchFunc(was, now[i], catalog.Instance.Compare); there && was[at].TakesTraffic() {
			n++
		}
	}
	return n
}
