package discovery

// homes knows which service has an instance. An id is unique on its node: Consul has it under one
// name, the one under which it was registered last.
type homes map[instanceID]*followed

// rehome takes over which instances an answer says that f has. A service that has lost one to f
// may not hear of it: its index does not move when that happens, so it is asked again.
func (o *owner) rehome(f *followed, r reading) {
	was, is := f.said.service.Instances, r.service.Instances
	for _, i := range lacking(is, was) {
		if other := o.homes[i.unique()]; other != nil && other != f {
			other.afresh.interrupt()
			o.w.rotation.hurry(other)
		}
		o.homes[i.unique()] = f
	}
	for _, i := range lacking(was, is) {
		if o.homes[i.unique()] == f {
			delete(o.homes, i.unique())
		}
	}
}

// movedAway says that all that is kept of f has been seen under other names: that is nothing that
// Consul has forgotten.
func (o *owner) movedAway(f *followed) bool {
	for i := range f.hold.kept {
		if home := o.homes[f.hold.kept[i].unique()]; home == nil || home == f {
			return false
		}
	}
	return true
}
