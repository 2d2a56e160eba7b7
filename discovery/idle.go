package discovery

import "slices"

// The guard counts instances that take traffic. One that is served as critical or in maintenance
// takes none, so its removal is no loss: a reaper may deregister many of those at once. To turn
// critical is no loss either; that is health, which is believed at once.

// takes says whether an instance takes traffic as it is served.
func (i *Instance) takes() bool { return i.Health < Critical }

// taking counts the instances that take traffic.
func taking(all []Instance) (n int) {
	for i := range all {
		if all[i].takes() {
			n++
		}
	}
	return n
}

// idled counts the instances of now that take no traffic and did in was. Both are sorted.
func idled(was, now []Instance) (n int) {
	for i := range now {
		if now[i].takes() {
			continue
		}
		if at, there := slices.BinarySearchFunc(was, now[i], Instance.Compare); there && was[at].takes() {
			n++
		}
	}
	return n
}
