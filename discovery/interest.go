package discovery

import (
	"slices"
	"strings"
	"sync"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// Interest is how a Watcher stands to a service.
type Interest struct {
	Listed   bool      // by Consul, and selected
	Unlisted bool      // Consul has not said yet what is listed where it is, and that is followed
	Refused  bool      // Consul cannot be asked for its name, or refuses to answer for it
	Followed bool      // it is asked for
	Read     time.Time // when it was answered for first since it is followed
	Unwanted time.Time // since when nobody wants it, who is followed still
}

// Unread reports whether there may be something that was not answered for yet.
func (i Interest) Unread() bool { return !i.Refused && (i.Unlisted || i.Listed && i.Read.IsZero()) }

// ReadWithin reports whether it was answered for first in that span until now.
func (i Interest) ReadWithin(span time.Duration) bool {
	return !i.Refused && i.Listed && time.Since(i.Read) < span
}

// awaited reports whether an answer may be there that who asks has not seen.
func (i Interest) awaited() bool { return i.Unread() || i.ReadWithin(onItsWay) }

// interests are those of all services, for other goroutines than the loop's.
type interests struct {
	mu        sync.RWMutex
	site      catalog.Site
	listed    consul.Listing // the last list, which does not change; nil: there was none
	selection catalog.Selection
	selected  int                 // of the list
	capitals  map[string][]string // names in it that have capitals, by what they are without
	followed  map[string]Interest
}

// list takes over what Consul lists, and what of it is selected.
func (i *interests) list(of catalog.Site, all consul.Listing, s catalog.Selection) {
	selected, capitals := 0, map[string][]string{}
	for name, tags := range all {
		if s.Matches(name, tags) {
			selected++
		}
		if lower := strings.ToLower(name); lower != name {
			capitals[lower] = append(capitals[lower], name)
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.site, i.listed, i.selection, i.selected, i.capitals = of, all, s, selected, capitals
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

// spelled are the listed names that differ from one in case only, which is in lower case.
func (i *interests) spelled(lower string) []string {
	i.mu.RLock()
	defer i.mu.RUnlock()
	if _, is := i.listed[lower]; is {
		return append([]string{lower}, i.capitals[lower]...)
	}
	return i.capitals[lower]
}

// noteInterest shows how a service is followed.
func (l *loop) noteInterest(s *service) {
	_, refused := l.services.refused[s]
	i := &l.w.interests
	i.mu.Lock()
	defer i.mu.Unlock()
	i.followed[s.Key.Name] = Interest{Followed: true, Refused: refused, Read: s.readAt, Unwanted: s.unwanted}
}

func (i *interests) forget(name string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.followed, name)
}

// Interest may be called at any time, from any goroutine, and waits for nobody. In a service of another site than the
// Watcher's there is none.
func (w *Watcher) Interest(key catalog.ServiceKey) Interest {
	i := &w.interests
	i.mu.RLock()
	defer i.mu.RUnlock()
	if i.listed == nil {
		here := catalog.Site{Datacenter: w.Datacenter(), Peer: w.peer}
		return Interest{Unlisted: here.Datacenter == "" || key.Site() == here, Refused: !key.Askable()}
	}
	if key.Site() != i.site {
		return Interest{}
	}
	return i.in(key)
}

// in needs the lock, and a service of the site that was listed.
func (i *interests) in(key catalog.ServiceKey) Interest {
	is := i.followed[key.Name]
	is.Listed = i.isListed(key.Name)
	is.Refused = is.Refused || !key.Askable()
	return is
}

// Spelled are the services that somebody is served from who is led to one: that one if Consul lists it, and else all that
// differ from it in case only, for which Consul takes names as one. If there are none, it is the one itself.
func (w *Watcher) Spelled(key catalog.ServiceKey) (keys []catalog.ServiceKey) {
	if is := w.Interest(key); is.Listed || is.Unlisted {
		return []catalog.ServiceKey{key}
	}
	for _, name := range w.interests.spelled(strings.ToLower(key.Name)) {
		other := key
		if other.Name = name; w.Interest(other).Listed {
			keys = append(keys, other)
		}
	}
	if len(keys) == 0 {
		return []catalog.ServiceKey{key}
	}
	return keys
}

// Interest is [Watcher.Interest], for all sites. Of one that is followed as soon as Consul lists it nothing is listed yet,
// until Consul has said once which sites there are.
func (f *Federation) Interest(key catalog.ServiceKey) Interest {
	at, home, now := key.Site(), f.Datacenter(), f.now.Load()
	if one := now.of(at); one != nil {
		return one.Interest(key)
	}
	if home == "" || at == (catalog.Site{Datacenter: home}) {
		return f.own.Interest(key)
	}
	return Interest{Unlisted: !now.told(at) && f.own.cfg.Follows(home, at), Refused: !key.Askable()}
}

// Spelled is [Watcher.Spelled], for all sites.
func (f *Federation) Spelled(key catalog.ServiceKey) []catalog.ServiceKey {
	if one := f.now.Load().of(key.Site()); one != nil {
		return one.Spelled(key)
	}
	return f.own.Spelled(key)
}

// Unread reports whether a service that somebody is led to may be there, and was not answered for yet or just now.
func (f *Federation) Unread(key catalog.ServiceKey) bool {
	return slices.ContainsFunc(f.Spelled(key), func(key catalog.ServiceKey) bool { return f.Interest(key).awaited() })
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

// unread are the services that are listed and not read, or were read just now. Those that Consul refuses are not awaited.
func (i *interests) unread() (keys []catalog.ServiceKey) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	for name := range i.listed {
		if key := i.site.Service(name); i.in(key).awaited() {
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
