package discovery

import "slices"

// What the guard counts. An instance that is served as critical or in maintenance takes no traffic,
// so nobody misses it when it goes: a reaper that takes away what has been critical for long takes
// nothing. And to turn critical is no loss: that is health, which is believed at once.

// takes says whether an instance takes traffic as it is served.
func (i *Instance) takes() bool { return i.Health < Critical }

// taking is how many take traffic.
func taking(all []Instance) (n int) {
	for i := range all {
		if all[i].takes() {
			n++
		}
	}
	return n
}

// idled is how many that took traffic are still there, and take none now. Both are sorted.
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
