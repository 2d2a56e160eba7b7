package discovery

import (
	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// homes says of each instance which service has it. A service id is unique on its node, so Consul
// has an instance under one name only: that of its last registration.
type homes map[catalog.InstanceKey]*followed

// rehome notes which instances f has, according to an answer. One that f has now and another service
// had is gone from that one, whose blocking query may not return: Consul does not move its index
// then. So that service is asked again.
func (o *owner) rehome(f *followed, r consul.Reading) {
	was, is := f.said.Service.Instances, r.Service.Instances
	for _, i := range lacking(is, was) {
		if other := o.homes[i.Key()]; other != nil && other != f {
			other.afresh.interrupt()
			o.w.rotation.hurry(other)
		}
		o.homes[i.Key()] = f
	}
	for _, i := range lacking(was, is) {
		if o.homes[i.Key()] == f {
			delete(o.homes, i.Key())
		}
	}
}

// movedAway says that every instance that is kept of f was seen under another name since: so Consul
// has not forgotten them.
func (o *owner) movedAway(f *followed) bool {
	for i := range f.hold.kept {
		if home := o.homes[f.hold.kept[i].Key()]; home == nil || home == f {
			return false
		}
	}
	return true
}
