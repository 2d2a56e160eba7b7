package discovery

import (
	"slices"
	"time"

	"legate/discovery/catalog"
)

// pending knows in what the reader's catalog differs from the current one.
type pending struct {
	services touched[catalog.ServiceKey, catalog.Service]
	entries  touched[catalog.EntryKey, catalog.Entry]
	since    time.Time
	built    *catalog.Delta // the Delta as last offered; nil after a change
}

// touched is, for each value that changed since the last Delta was taken, what the reader has of it.
// nil: the reader does not have it.
type touched[K comparable, V any] map[K]*V

func newPending() pending {
	return pending{services: touched[catalog.ServiceKey, catalog.Service]{}, entries: touched[catalog.EntryKey, catalog.Entry]{}}
}

// note is called before a service changes.
func (p *pending) note(key catalog.ServiceKey, old catalog.Service, had bool, at time.Time) {
	p.changes(at)
	p.services.note(key, old, had)
}

// noteEntry is called before an entry changes.
func (p *pending) noteEntry(key catalog.EntryKey, old catalog.Entry, had bool, at time.Time) {
	p.changes(at)
	p.entries.note(key, old, had)
}

func (p *pending) changes(at time.Time) {
	p.built = nil
	if p.since.IsZero() || at.Before(p.since) {
		p.since = at
	}
}

func (t touched[K, V]) note(key K, old V, had bool) {
	if _, noted := t[key]; noted {
		return
	}
	if t[key] = nil; had {
		t[key] = &old
	}
}

// delta is what the reader misses. What changed and changed back is not in it.
func (p *pending) delta(now catalog.Catalog) catalog.Delta {
	if p.built != nil {
		return *p.built
	}
	d := catalog.Delta{Since: p.since}
	d.Set, d.Gone = p.services.missing(now.Services, catalog.Service.Equal)
	d.Entries, d.GoneEntries = p.entries.missing(now.Entries, catalog.Entry.Equal)
	if d.Empty() {
		p.since, d.Since = time.Time{}, time.Time{}
	}
	slices.SortFunc(d.Set, func(x, y catalog.Service) int { return x.Key.Compare(y.Key) })
	slices.SortFunc(d.Gone, catalog.ServiceKey.Compare)
	slices.SortFunc(d.Entries, func(x, y catalog.Entry) int { return x.Key.Compare(y.Key) })
	slices.SortFunc(d.GoneEntries, catalog.EntryKey.Compare)
	p.built = &d
	return d
}

// missing is what the reader misses of these. It forgets what is as the reader has it.
func (t touched[K, V]) missing(now map[K]V, equal func(a, b V) bool) (set []V, gone []K) {
	for key, had := range t {
		v, ok := now[key]
		switch {
		case ok && (had == nil || !equal(*had, v)):
			set = append(set, v)
		case !ok && had != nil:
			gone = append(gone, key)
		default:
			delete(t, key)
		}
	}
	return set, gone
}

// sent says that the reader took the last delta.
func (p *pending) sent() { *p = newPending() }
