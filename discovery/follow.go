package discovery

import (
	"strings"
	"sync"
	"time"

	"legate/discovery/catalog"
)

// Consul lists each service, and to follow one costs Consul a blocking query. Where want is given, only those are
// followed that Consul lists and somebody wants. One that nobody wants any more is followed for Config.Linger still,
// since clients come back. Then it is taken out at once, as if it were deselected: that is no loss.

// Follow has only those services followed for which want is true. It is called before Run. want must not block. Where
// its answer may have changed, Reconsider is to be called.
func (w *Watcher) Follow(want func(catalog.ServiceKey) bool) { w.want = want }

// Reconsider has want asked again about these services, in whatever case their names are; without any, about all. It may be called at any time, from
// any goroutine, and does not wait.
func (w *Watcher) Reconsider(keys ...catalog.ServiceKey) { w.reconsidered.add(keys) }

// maxReconsidered is from how many services on all are asked about: so many are as cheap to ask about as to remember.
const maxReconsidered = 4096

// reconsidered is what was said to Reconsider and the loop has not seen yet.
type reconsidered struct {
	some chan struct{} // has room for one

	mu   sync.Mutex
	keys map[catalog.ServiceKey]struct{}
	all  bool
}

func (r *reconsidered) add(keys []catalog.ServiceKey) {
	r.mu.Lock()
	for _, key := range keys {
		r.keys[key] = struct{}{}
	}
	if len(keys) == 0 || len(r.keys) > maxReconsidered {
		r.keys, r.all = map[catalog.ServiceKey]struct{}{}, true
	}
	r.mu.Unlock()
	select {
	case r.some <- struct{}{}:
	default:
	}
}

func (r *reconsidered) take() (keys map[catalog.ServiceKey]struct{}, all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys, all = r.keys, r.all
	r.keys, r.all = map[catalog.ServiceKey]struct{}{}, false
	return keys, all
}

// isWanted says whether a listed service is to be followed.
func (l *loop) isWanted(key catalog.ServiceKey) bool { return l.w.want == nil || l.w.want(key) }

// reconsider asks again what is wanted, of what Reconsider was told.
func (l *loop) reconsider(now time.Time) {
	keys, all := l.w.reconsidered.take()
	switch {
	case l.w.want == nil || !l.listed: // the first list asks about all
	case all:
		for name := range l.list.Names {
			l.attend(name, now)
		}
		for name := range l.services.byName { // some are not listed
			l.attend(name, now)
		}
	default:
		for key := range keys {
			if key != l.key(key.Name) {
				continue
			}
			l.attend(key.Name, now)
			for _, name := range l.w.interests.spelled(strings.ToLower(key.Name)) {
				l.attend(name, now)
			}
		}
	}
}

// key is that of a service of the site which is watched.
func (l *loop) key(name string) catalog.ServiceKey { return l.site.Service(name) }

// attend begins to follow a service that is wanted, if Consul lists it and it is selected, and notes of one that is
// followed since when nobody wants it.
func (l *loop) attend(name string, now time.Time) {
	s, wanted := l.services.byName[name], l.isWanted(l.key(name))
	switch {
	case s == nil && wanted && l.isSelected(name):
		l.watch(name).listed = true
	case s == nil, wanted == s.unwanted.IsZero(): // as before
	case wanted:
		s.unwanted = time.Time{}
		l.noteInterest(s)
	default:
		s.unwanted = now
		l.noteInterest(s)
	}
}

// isSelected says whether Consul lists a name that can be asked for, with tags that are selected.
func (l *loop) isSelected(name string) bool {
	tags, there := l.list.Names[name]
	return there && l.selection.Matches(name, tags) && l.key(name).Askable()
}

// forgetUnwanted ends following what nobody has wanted for long enough.
func (l *loop) forgetUnwanted(now time.Time) {
	if l.w.want == nil {
		return
	}
	for name, s := range l.services.byName {
		if s.unwanted.IsZero() || now.Sub(s.unwanted) < l.w.cfg.Linger {
			continue
		}
		if l.attend(name, now); s.unwanted.IsZero() {
			continue
		}
		l.w.log.Debug("service is not followed any more, since nobody asks for it", "service", name, "unwanted_seconds", now.Sub(s.unwanted).Seconds())
		l.drop(s, now)
	}
}
