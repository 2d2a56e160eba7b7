package discovery

import (
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/guard"
	"legate/discovery/watch"
)

// entries is how far Consul's config entries are read. What is in them, the catalog has.
type entries struct {
	kinds    []string
	awaited  map[string]bool           // kinds that were neither read nor refused yet
	due      []catalog.EntryKey        // held, and to be asked for
	checking map[catalog.EntryKey]bool // being asked for
	reread   time.Time                 // when a kind was last read again in turn
	next     int                       // the kind whose turn it is
}

func newEntries(kinds []string, now time.Time) entries {
	e := entries{kinds: kinds, awaited: map[string]bool{}, checking: map[catalog.EntryKey]bool{}, reread: now}
	for _, kind := range kinds {
		e.awaited[kind] = true
	}
	return e
}

// entriesListed takes in the list of a kind, but for what the guard holds.
func (l *loop) entriesListed(e watch.EntriesListed) {
	l.observe(e.Reply.At, guard.EntriesListed{Kind: e.Kind, Entries: e.Entries, Index: e.Reply.Index})
	l.entriesTold(e.Kind)
}

// entriesTold notes that a kind is waited for no longer: it was read, or Consul refuses to tell it, and
// nothing would come of waiting.
func (l *loop) entriesTold(kind string) {
	delete(l.entries.awaited, kind)
	l.finish()
}

// entryChecked takes in what the leader says of an entry that is held.
func (l *loop) entryChecked(e watch.EntryChecked) {
	delete(l.entries.checking, e.Key)
	defer l.startEntryChecks(time.Now())
	if e.Err != nil {
		return // it is asked again
	}
	seen := guard.EntrySeen{Key: e.Key, Hidden: e.Found == consul.Hidden}
	if e.Found == consul.There {
		if seen.Entry = &e.Entry; !l.guard.IsDoubted(e.Entry) {
			l.queries.RereadEntries(e.Key.Kind) // its query has missed that
		}
	}
	l.observe(e.At, seen)
}

// startEntryChecks has the leader asked for entries that are held, as far as there is room.
func (l *loop) startEntryChecks(now time.Time) {
	for len(l.entries.due) > 0 && len(l.entries.checking) < maxChecks {
		key := l.entries.due[0]
		l.entries.due = l.entries.due[1:]
		if l.entries.checking[key] {
			continue
		}
		l.entries.checking[key] = true
		l.observe(now, guard.EntryAsked{Key: key})
		l.queries.CheckEntry(l.ctx, key)
	}
}

// rereadEntries has a kind read again from the start when it is its turn, so that each is within every.
func (l *loop) rereadEntries(now time.Time, every time.Duration) {
	e := &l.entries
	if len(e.kinds) == 0 || now.Sub(e.reread) < every/time.Duration(len(e.kinds)) {
		return
	}
	e.reread = now
	l.queries.RereadEntries(e.kinds[e.next])
	e.next = (e.next + 1) % len(e.kinds)
}

// byKind counts the entries in the catalog. A kind that is watched and has none is there.
func (l *loop) byKind() map[string]int {
	n := make(map[string]int, len(l.entries.kinds))
	for _, kind := range l.entries.kinds {
		n[kind] = 0
	}
	for key := range l.served.catalog.Entries {
		n[key.Kind]++
	}
	return n
}
