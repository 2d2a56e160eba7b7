package changes

import (
	"slices"
	"time"
)

// WhatPublished returns the id of the change by which a resource was published at a time: that of the service with the
// resource's name, else that of the first change that was published then, as for a further port of a service. The zero
// ID means that it is not remembered, or not recorded yet. It costs what came since.
func (r *Record) WhatPublished(resource string, at time.Time) ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found ID
	known := 0 // how well
	for i := len(r.kept) - 1; i >= r.from; i-- {
		c := &r.kept[i]
		if c.At.Before(at.Add(-time.Second)) { // changes are recorded after they are published, all but in that order
			break
		}
		if !c.Published.Equal(at) {
			continue
		}
		fits := 1
		if slices.Contains(c.Services, resource) {
			if fits = 2; c.Kind == Service {
				fits = 3
			}
		}
		if fits >= known {
			found, known = c.ID, fits
		}
	}
	return found
}
