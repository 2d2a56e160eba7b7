package discovery

import (
	"slices"
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

// interests are those of all services, for other goroutines than the loop's.
type interests struct {
	mu        sync.RWMutex
	site      catalog.Site
	listed    consul.Listing // the last list, which does not change; nil: there was none
	selection catalog.Selection
	selected  int // of the list
	followed  map[string]Interest
}

// list takes over what Consul lists, and what of it is selected.
func (i *interests) list(of catalog.Site, all consul.Listing, s catalog.Selection) {
	selected := 0
	for name, tags := range all {
		if s.Matches(name, tags) {
			selected++
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.site, i.listed, i.selection, i.selected = of, all, s, selected
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
	is := i.followed[key.Name]
	is.Listed = i.isListed(key.Name)
	is.Refused = is.Refused || !key.Askable()
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

// unread are the services that are listed and not read, or were read just now. Those that Consul refuses are not awaited.
func (i *interests) unread() (keys []catalog.ServiceKey) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	for name := range i.listed {
		key, is := i.site.Service(name), i.followed[name]
		if i.isListed(name) && key.Askable() && !is.Refused && (is.Read.IsZero() || time.Since(is.Read) < onItsWay) {
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
