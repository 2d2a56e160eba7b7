package discovery

import (
	"errors"
	"maps"
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/guard"
	"legate/discovery/watch"
)

// maxChecks is how many services are checked at once, beside all other reads.
const maxChecks = 2

// checks are consistent reads beside the queries: of holds that are due, and in turn of everything.
type checks struct {
	running   int                  // under way
	due       []catalog.ServiceKey // holds to check
	round     []*service           // what is left of this round over everything
	credit    float64              // of the round that are due
	ticked    time.Time            // when credit was last earned
	restarted time.Time            // when everything was last read again because something came back unheard
}

// earn counts what of a round over n services is due by now.
func (c *checks) earn(now time.Time, n int, every time.Duration) {
	all := float64(n)
	c.credit = min(c.credit+all*float64(now.Sub(c.ticked))/float64(every), max(all, 1))
}

// checked takes in what a check saw.
func (l *loop) checked(e watch.Checked) {
	l.checks.running--
	defer l.startChecks(time.Now())
	s := l.services.of(e.Service)
	if s == nil {
		return
	}
	s.checking = false
	if errors.Is(e.Err, consul.ErrNotBelieved) { // its own query may not have heard of that
		l.queries.ReadAgain(s.Service)
	}
	if e.Err != nil || s.past.Answers != e.Past.Answers {
		return // it was read while this was under way: which is newer?
	}
	if !l.guard.Held(s.Key) {
		l.compare(s, e)
		return
	}
	if !e.Reading.Equal(s.past.Reading) { // its own query believes otherwise
		l.queries.RestartQuery(s.Service)
	}
	if e.List != nil && e.ListReply.Index < l.list.Index { // this may see that first
		l.observe(e.ListReply.At, guard.IndexWentBack{})
	}
	if d := l.weigh(s, e.Answered, guard.Answered{Consistent: true, Second: l.second(s, e)}); d.Unheard {
		l.restartUnheard(e.Reply.At)
	}
}

// restartUnheard has everything read again when a part of a mass loss has come back without a word:
// queries that wait at an index of that time would hear nothing for long. Where there are many services
// not too often.
func (l *loop) restartUnheard(at time.Time) {
	if at.Sub(l.checks.restarted) < max(3*time.Second, time.Duration(len(l.services.byName))*2*time.Millisecond) {
		return
	}
	l.checks.restarted = at
	l.queries.RestartAll("what was lost came back without a word")
}

// compare says whether a check in turn found what the blocking query missed.
func (l *loop) compare(s *service, e watch.Checked) {
	if !s.read || e.Reading.Equal(s.past.Reading) {
		l.w.metrics.Reread("same")
		return
	}
	if l.queries.ReadSoon(s.Service) { // it has no watch that could have missed it
		return
	}
	l.report.missed(s, time.Now())
	l.queries.RestartQuery(s.Service)
}

// second is what a check of a hold saw of the list of services. Where Consul has instances still,
// critical or without the tags, or proxies, it lists the service.
func (l *loop) second(of *service, e watch.Checked) *guard.Second {
	seen := &guard.Second{Elsewhere: l.movedAway(of), List: e.List != nil, Filtered: e.Reply.Filtered || e.ListReply.Filtered, All: len(l.services.byName)}
	if !seen.List {
		return seen
	}
	_, still := e.List[of.Key.Name]
	seen.Listed = still && len(e.Reading.Service.Instances)+e.Reading.Others == 0
	for name, s := range l.services.byName {
		tags, there := e.List[name]
		if selected := there && l.selection.Matches(name, tags); !selected && s != of && s.read {
			seen.Missing++
		}
	}
	return seen
}

// startChecks starts the checks that are due, as far as there is room: first of holds, then in turn
// of everything.
func (l *loop) startChecks(now time.Time) {
	for l.checks.running < maxChecks {
		s := l.checks.next(l.services.byName, l.guard)
		if s == nil {
			return
		}
		l.checks.running++
		s.checking = true
		list := false
		if l.guard.Held(s.Key) {
			l.observe(now, guard.Asked{Key: s.Key})
			list = l.guard.WantsList(s.Key)
		}
		l.queries.Check(l.ctx, s.Service, s.past, list)
	}
}

// next is the next service to check; nil if none is due.
func (c *checks) next(services map[string]*service, g *guard.State) *service {
	for len(c.due) > 0 {
		key := c.due[0]
		c.due = c.due[1:]
		if s := services[key.Name]; s != nil && g.Held(key) && !s.checking {
			return s
		}
	}
	for c.credit >= 1 {
		c.credit--
		if len(c.round) == 0 {
			c.round = slices.SortedFunc(maps.Values(services), func(a, b *service) int { return a.Key.Compare(b.Key) })
		}
		if len(c.round) == 0 {
			return nil
		}
		s := c.round[0]
		c.round = c.round[1:]
		if services[s.Key.Name] == s && s.read && !s.checking && !g.Held(s.Key) {
			return s
		}
	}
	return nil
}
