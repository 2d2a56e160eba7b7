package discovery

import (
	"time"

	"legate/discovery/catalog"
)

// unreadPatience is how long the first complete read waits for the last few services, if they
// alone cannot be read. It starts with each service that is read.
const unreadPatience = 10 * time.Second

// goOn ends the wait for services that cannot be read while all others were: one bad service
// harms nobody else. They must be few, a tenth at the most, each failing by itself while Consul
// answers: else it is Consul that fails, and waiting is right, because what is not served counts
// as gone. A service that the seed has is served as last known; one that it lacks is left out
// until it can be read. Both are named. Where nothing was read there is nothing to go on with.
func (o *owner) goOn(now time.Time) {
	if o.complete || !o.listed || o.unread == o.unanswered || o.nothingRead() || now.Sub(o.progress) < unreadPatience {
		return
	}
	t := o.w.trouble
	if o.unread-o.unanswered > max(1, len(o.follow)/10) || t.failing("catalog") || t.failing("canary") {
		return
	}
	var names []string
	for name, f := range o.follow {
		if _, refused := o.refused[f]; f.read || refused {
			continue
		}
		if !t.failing(f.loop()) {
			return // it is on its way
		}
		names = append(names, name)
	}
	o.complete = true
	close(o.w.opening.complete)
	o.w.log.Warn("consul catalog is complete but for services that cannot be read, serving without waiting for them",
		"datacenter", o.datacenter, "services", len(o.catalog), "unread", len(names), "first", names[0], "remedy", unreadRemedy)
}

// nothingRead says that there is something to read, and that nothing of it was.
func (o *owner) nothingRead() bool { return o.unread > 0 && o.unread == len(o.follow) }

const unreadRemedy = "see the other problems for why; it is asked again and again"

// unreadProblem names what is not served because it was never read; nil if there is nothing.
func (o *owner) unreadProblem() *catalog.Problem {
	if !o.complete || o.unread == o.unanswered {
		return nil
	}
	var names []string
	n := 0
	for name, f := range o.follow {
		_, known := o.catalog[f.key]
		_, refused := o.refused[f]
		if f.read || known || refused || f.begun.After(time.Now().Add(-unreadPatience)) {
			continue
		}
		if n++; n <= someNames {
			names = append(names, name)
		}
	}
	if n == 0 {
		return nil
	}
	return &catalog.Problem{Kind: "unread", Services: n, Remedy: unreadRemedy,
		Detail: "not served, because never read: " + listOf(names, n)}
}
