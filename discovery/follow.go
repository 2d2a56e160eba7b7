package discovery

import (
	"slices"
	"strings"
	"sync"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
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
			for _, name := range l.capitals[strings.ToLower(key.Name)] {
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
		l.w.interests.note(s)
	default:
		s.unwanted = now
		l.w.interests.note(s)
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

// Interest is how a Watcher stands to a service.
type Interest struct {
	Listed   bool      `json:"listed"`            // by Consul, and selected
	Followed bool      `json:"followed"`          // it is asked for
	Read     time.Time `json:"read,omitzero"`     // when it was answered for first since it is followed
	Unwanted time.Time `json:"unwanted,omitzero"` // since when nobody wants it, who is followed still
}

// interests are those of all services, for other goroutines than the loop's.
type interests struct {
	mu        sync.RWMutex
	site      catalog.Site
	listed    consul.Listing // the last list, which does not change
	selection catalog.Selection
	selected  int // of the list
	followed  map[string]Interest
}

// list takes over what Consul lists, and what of it is selected.
func (i *interests) list(of catalog.Site, all consul.Listing, s catalog.Selection) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.site, i.listed, i.selection = of, all, s
	i.selected = 0
	for name, tags := range all {
		if s.Matches(name, tags) {
			i.selected++
		}
	}
}

// size is how many services are listed that are selected.
func (i *interests) size() int {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.selected
}

// isListed needs the lock.
func (i *interests) isListed(name string) bool {
	tags, there := i.listed[name]
	return there && i.selection.Matches(name, tags)
}

func (i *interests) note(s *service) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.followed[s.Key.Name] = Interest{Followed: true, Read: s.readAt, Unwanted: s.unwanted}
}

func (i *interests) forget(name string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.followed, name)
}

// Interest may be called at any time, from any goroutine, and waits for nobody. In a service of another site than the
// Watcher's there is none.
func (w *Watcher) Interest(key catalog.ServiceKey) Interest {
	w.interests.mu.RLock()
	defer w.interests.mu.RUnlock()
	if key.Site() != w.interests.site {
		return Interest{}
	}
	is := w.interests.followed[key.Name]
	is.Listed = w.interests.isListed(key.Name)
	return is
}

// onItsWay is how long an answer may take from where it is read to who is asked whether he has it.
const onItsWay = time.Second

// awaits reports whether something missing is listed and not read, or was read just now. Where all is followed, nothing is
// awaited that the first Delta lacks.
func (w *Watcher) awaits(missing func(catalog.ServiceKey) bool) bool {
	if w.want == nil || w.fails() {
		return false
	}
	return slices.ContainsFunc(w.interests.unread(), missing)
}

// unread are the services that are listed and not read, or were read just now.
func (i *interests) unread() (keys []catalog.ServiceKey) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	for name := range i.listed {
		key, read := i.site.Service(name), i.followed[name].Read
		if i.isListed(name) && key.Askable() && (read.IsZero() || time.Since(read) < onItsWay) {
			keys = append(keys, key)
		}
	}
	return keys
}

// Unfollowed are the services that Consul lists, and that are not followed because nobody wants them, by name.
func (w *Watcher) Unfollowed() (names []string) {
	w.interests.mu.RLock()
	defer w.interests.mu.RUnlock()
	for name := range w.interests.listed {
		if _, followed := w.interests.followed[name]; !followed && w.interests.isListed(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
