package discovery

import "legate/discovery/catalog"

// homes says of each instance which service has it. A service id is unique on its node, so Consul
// has an instance under one name only: that of its last registration.
type homes map[catalog.InstanceKey]*service

// rehome notes which instances s has, according to an answer. One that s has now and another service
// had is gone from that one, whose blocking query may not return: Consul does not move its index
// then. So that service is read again.
func (l *loop) rehome(s *service, is []catalog.Instance) {
	was := s.past.Reading.Service.Instances
	for _, i := range catalog.Lacking(is, was) {
		if other := l.homes[i.Key()]; other != nil && other != s {
			l.queries.ReadAgain(other.Service)
		}
		l.homes[i.Key()] = s
	}
	for _, i := range catalog.Lacking(was, is) {
		if l.homes[i.Key()] == s {
			delete(l.homes, i.Key())
		}
	}
}

// movedAway says that every instance which is served of s, and which Consul does not have under its
// name, was seen under another name since: so Consul has not forgotten them.
func (l *loop) movedAway(s *service) bool {
	for _, i := range catalog.Lacking(l.served.catalog.Services[s.Key].Instances, s.selected.Service.Instances) {
		if home := l.homes[i.Key()]; home == nil || home == s {
			return false
		}
	}
	return true
}
