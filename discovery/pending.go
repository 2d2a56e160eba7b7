package discovery

import (
	"slices"
	"time"

	"legate/discovery/catalog"
)

// pending knows in what the reader's catalog differs from the current one: for each service that
// was touched since the last Delta was taken, what the reader has of it.
type pending struct {
	had   map[catalog.ServiceKey]*catalog.Service // nil: the reader does not have it
	since time.Time
	built *catalog.Delta // the Delta as last offered; nil after a change
}

func newPending() pending { return pending{had: map[catalog.ServiceKey]*catalog.Service{}} }

// note is called before a service changes.
func (p *pending) note(key catalog.ServiceKey, old catalog.Service, had bool, at time.Time) {
	p.built = nil
	if p.since.IsZero() || at.Before(p.since) {
		p.since = at
	}
	if _, noted := p.had[key]; noted {
		return
	}
	if had {
		p.had[key] = &old
	} else {
		p.had[key] = nil
	}
}

// delta is what the reader misses. What changed and changed back is not in it.
func (p *pending) delta(now catalog.Catalog) catalog.Delta {
	if p.built != nil {
		return *p.built
	}
	d := catalog.Delta{Since: p.since}
	for key, had := range p.had {
		s, ok := now[key]
		switch {
		case ok && (had == nil || !had.Equal(s)):
			d.Set = append(d.Set, s)
		case !ok && had != nil:
			d.Gone = append(d.Gone, key)
		default:
			delete(p.had, key)
		}
	}
	if d.Empty() {
		p.since, d.Since = time.Time{}, time.Time{}
	}
	slices.SortFunc(d.Set, func(x, y catalog.Service) int { return x.Key.Compare(y.Key) })
	slices.SortFunc(d.Gone, catalog.ServiceKey.Compare)
	p.built = &d
	return d
}

// sent says that the reader took the last delta.
func (p *pending) sent() { *p = newPending() }
