package discovery

import (
	"slices"
	"time"

	"legate/discovery/catalog"
)

// outbox knows in what the reader's catalog differs from the current one: for each service that
// was touched since the last Delta was taken, what the reader has of it.
type outbox struct {
	had   map[catalog.ServiceKey]*catalog.Service // nil: the reader does not have it
	since time.Time
	built *catalog.Delta // the Delta as last offered; nil after a change
}

// note is called before a service changes.
func (b *outbox) note(key catalog.ServiceKey, old catalog.Service, had bool, at time.Time) {
	b.built = nil
	if b.since.IsZero() || at.Before(b.since) {
		b.since = at
	}
	if _, noted := b.had[key]; noted {
		return
	}
	if had {
		b.had[key] = &old
	} else {
		b.had[key] = nil
	}
}

// delta is what the reader misses. What changed and changed back is not in it.
func (b *outbox) delta(now catalog.Catalog) catalog.Delta {
	if b.built != nil {
		return *b.built
	}
	d := catalog.Delta{Since: b.since}
	for key, had := range b.had {
		s, ok := now[key]
		switch {
		case ok && (had == nil || !had.Equal(s)):
			d.Set = append(d.Set, s)
		case !ok && had != nil:
			d.Gone = append(d.Gone, key)
		default:
			delete(b.had, key)
		}
	}
	if d.Empty() {
		b.since, d.Since = time.Time{}, time.Time{}
	}
	slices.SortFunc(d.Set, func(x, y catalog.Service) int { return x.Key.Compare(y.Key) })
	slices.SortFunc(d.Gone, catalog.ServiceKey.Compare)
	b.built = &d
	return d
}

// sent says that the reader took the last delta.
func (b *outbox) sent() { *b = outbox{had: map[catalog.ServiceKey]*catalog.Service{}} }
