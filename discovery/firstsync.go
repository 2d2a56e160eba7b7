package discovery

import "time"

// finish notes the moment from which the catalog is complete: all was read but for names that
// Consul does not answer for, and kinds of config entries that it does not tell. Where nothing at all was
// read, it is not about names.
func (l *loop) finish() {
	if l.complete || !l.listed || l.services.awaited() > 0 || l.services.noneRead() || len(l.entries.awaited) > 0 {
		return
	}
	l.complete = true
	l.queries.Complete()
	l.w.log.Info("consul catalog is complete", "datacenter", l.site.Datacenter, "services", len(l.served.catalog.Services), "entries", len(l.served.catalog.Entries))
}

// unreadPatience is how long the first complete read waits for the last few services, if they
// alone cannot be read. It starts with each service that is read.
const unreadPatience = 10 * time.Second

const unreadRemedy = "see the other problems for why; it is asked again and again"

// stopWaiting ends the wait for services that cannot be read while all others were: one bad service
// harms nobody else. They must be few, a tenth at the most, each failing by itself while Consul
// answers: else it is Consul that fails, and waiting is right, because what is not served counts
// as gone. A service that the seed has is served as last known; one that it lacks is left out
// until it can be read. Both are named. Where nothing was read there is nothing to go on with. Config
// entries are always waited for: without them every service might be served in another way than before.
func (l *loop) stopWaiting(now time.Time) {
	all := &l.services
	if l.complete || !l.listed || len(l.entries.awaited) > 0 || all.awaited() == 0 || all.noneRead() || now.Sub(all.progress) < unreadPatience {
		return
	}
	if all.awaited() > max(1, len(all.byName)/10) || l.queries.ListFails() {
		return
	}
	var names []string
	for name, s := range all.byName {
		if _, refused := all.refused[s]; s.read || refused {
			continue
		}
		if !l.queries.Fails(s.Service) {
			return // it is on its way
		}
		names = append(names, name)
	}
	l.complete = true
	l.queries.Complete()
	l.w.log.Warn("consul catalog is complete but for services that cannot be read, serving without waiting for them",
		"datacenter", l.site.Datacenter, "services", len(l.served.catalog.Services), "unread", len(names), "first", names[0], "remedy", unreadRemedy)
}
