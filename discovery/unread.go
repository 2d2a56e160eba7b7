package discovery

import (
	"fmt"
	"strings"
	"time"
)

// unreadPatience is how long the first complete read waits for the last few services, if they
// alone cannot be read. It starts with the first list, and again with each service that is read.
const unreadPatience = 10 * time.Second

// goOn ends the wait for services that cannot be read while all others were: one bad service
// harms nobody else. They must be few, a tenth at the most, each failing by itself while Consul
// answers: else it is Consul that fails, and waiting is right, because what is not served counts
// as gone. A service that the seed has is served as last known; one that it lacks is left out
// until it can be read. Both are named. Where nothing was read there is nothing to go on with.
func (o *owner) goOn(now time.Time) {
	if o.complete || !o.listed || o.unread == 0 || o.unread == len(o.follow) || now.Sub(o.progress) < unreadPatience {
		return
	}
	t := o.w.trouble
	if o.unread > max(1, len(o.follow)/10) || t.failing("catalog") || t.failing("canary") {
		return
	}
	var names []string
	for name, f := range o.follow {
		if f.read {
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

const unreadRemedy = "see the other problems for why; it is asked again and again"

// unreadProblem names what is not served because it was never read; nil if there is nothing.
func (o *owner) unreadProblem() *Problem {
	if !o.complete || o.unread == 0 {
		return nil
	}
	var names []string
	more := ""
	for name, f := range o.follow {
		if _, known := o.catalog[f.key]; f.read || known || f.begun.After(time.Now().Add(-unreadPatience)) {
			continue
		}
		if len(names) == 5 {
			more = " and more"
			break
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil
	}
	return &Problem{Kind: "unread", Queries: o.unread, Remedy: unreadRemedy,
		Detail: fmt.Sprintf("not served, because never read: %s%s", strings.Join(names, ", "), more)}
}
