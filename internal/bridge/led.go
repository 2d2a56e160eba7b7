package bridge

import (
	"maps"
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/translate"
)

// A resolver, or a policy, can lead a cluster to services that were not read until then, as nothing was served from them.
// If it was built at once, its clients would lose all endpoints until they are read. So it keeps what it has, while
// discovery reads what it needs. The wait is bounded.

// lookLed is how often it is looked whether a cluster still waits. One whose services come does not wait for that.
const lookLed = 200 * time.Millisecond

// led are the clusters that wait. Only Run uses it.
type led struct {
	span   time.Duration
	unread func(catalog.ServiceKey) bool // nil: nobody waits
	units  map[string]waiting            // by their names
	look   <-chan time.Time              // when to look again; nil: nobody waits
}

// waiting is a cluster that waits.
type waiting struct {
	unit  translate.Behind
	until time.Time
}

// AwaitRead has each cluster that is led to a service for which unread is true keep what it has, until the service is
// there or unread is false, for the span at most. It is called before Run, and unread must not block.
func (b *Bridge) AwaitRead(span time.Duration, unread func(catalog.ServiceKey) bool) {
	b.led = led{span: span, unread: unread, units: map[string]waiting{}}
}

// ready are those of the units that wait for nothing. The others wait from now on.
func (b *Bridge) ready(to translate.Resources, units []translate.Behind) []translate.Behind {
	if b.led.unread == nil {
		return units
	}
	return slices.DeleteFunc(slices.Clone(units), func(u translate.Behind) bool { return b.waits(to, u) })
}

// waits reports whether a unit waits.
func (b *Bridge) waits(to translate.Resources, u translate.Behind) bool {
	l, name := &b.led, u.Name()
	at := slices.IndexFunc(to.Lacks(u), l.unread)
	w, did := l.units[name]
	switch {
	case at < 0:
		delete(l.units, name)
		return false
	case !did:
		w = waiting{until: b.taken.Add(l.span)}
	case !b.taken.Before(w.until):
		delete(l.units, name)
		b.log.Warn("a cluster is led to a service that is not read in time, going on without it until it is", "cluster", name,
			"service", to.Lacks(u)[at].String(), "waited", l.span.String(), "remedy", "legate status says what is wrong where the service is")
		return false
	}
	w.unit = u
	l.units[name] = w
	if l.look == nil {
		l.look = time.After(lookLed)
	}
	return true
}

// waitingOf are those of the units that wait.
func (l *led) waitingOf(units []translate.Behind) []translate.Behind {
	return slices.DeleteFunc(units, func(u translate.Behind) bool { _, waits := l.units[u.Name()]; return !waits })
}

// lookLed builds the clusters that wait no longer.
func (b *Bridge) lookLed() {
	b.led.look = nil
	units := make([]translate.Behind, 0, len(b.led.units))
	for _, name := range slices.Sorted(maps.Keys(b.led.units)) {
		units = append(units, b.led.units[name].unit)
	}
	b.publish(b.advance(b.State().Resources, units, time.Time{}))
	b.spreading.forgetChanged()
}
