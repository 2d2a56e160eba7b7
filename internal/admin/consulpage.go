package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// consulPage is the data of the page about Consul.
type consulPage struct {
	Page head
	Consul
	Followed  []Site // datacenters and peers; none: the own one only
	Concerns  concerns
	MoreHolds int      // holds that are not shown
	Release   *release // how a hold is released, if somebody asks
	Watched   []watchRow
	Protocol  string
}

// watchRow is a way to watch, and what is watched so.
type watchRow struct{ How, What, N, Note string }

func (s *Server) consulPage(w http.ResponseWriter, r *http.Request) {
	c := s.readConsul()
	v := consulPage{Page: s.head("consul", "Consul"), Consul: c, Release: s.releaseOf(r, c.Holds), Watched: watchedOf(c), Protocol: protocolOf(c), Followed: SitesOf(c.Status)}
	v.Concerns = some(troubleOf(c, s.rooms.Bridge.State().Since, s.now()))
	if v.MoreHolds = len(c.Holds) - maxProblemRows; v.MoreHolds > 0 {
		v.Holds = c.Holds[:maxProblemRows]
	}
	v.Page.Mood, v.Page.Verdict = v.verdict()
	s.render(w, http.StatusOK, "consul", v, "/api/v1/consul")
}

// troubleOf is what there is to look at about Consul, with when it began.
func troubleOf(c Consul, started, now time.Time) []concern {
	s := Status{Consul: c.Status, Started: started, Now: now}
	since := map[string]time.Time{}
	for _, p := range c.Problems {
		since[keyOf("", p)] = p.Since
	}
	for _, of := range c.Sites {
		for _, p := range of.Problems {
			since[keyOf(of.Site().String(), p)] = p.Since
		}
	}
	all := slices.Concat(ofConsul(s), ofSites(s))
	for i := range all {
		if at := since[all[i].Key]; !at.IsZero() {
			all[i].Detail = fmt.Sprintf("Since %s, %s: %s", clock(now, at), ago(now, at), all[i].Detail)
		}
	}
	return shownAs(all)
}

// since is when the oldest of the troubles began for which queries fail.
func (v consulPage) since() (at time.Time) {
	for _, p := range ownProblems(v.Status) {
		if p.Queries > 0 && !p.Since.IsZero() && (at.IsZero() || p.Since.Before(at)) {
			at = p.Since
		}
	}
	return at
}

// verdict sums up the page in a sentence.
func (v consulPage) verdict() (mood, sentence string) {
	who := "Consul at " + v.Address + " "
	switch at := v.since(); {
	case v.Connected && len(v.Concerns.Shown) == 0:
		return "good", who + "answers."
	case v.Connected:
		mood = "warn"
		if v.Concerns.Shown[0].Severity == critical {
			mood = "bad"
		}
		return mood, fmt.Sprintf("%sanswers, with %s to look at.", who, plural(len(v.Concerns.Shown)+v.Concerns.Hidden, "thing"))
	case at.IsZero():
		return "warn", who + "was not asked yet, or has not answered."
	default:
		sentence = fmt.Sprintf("%s%s since %s, %s", who, v.State, clock(v.Page.Now, at), span(v.Page.Now.Sub(at)))
		if v.Complete {
			return "bad", sentence + ". What was last believed stays served."
		}
		return "bad", sentence + ". It was not read completely yet."
	}
}

// protocolOf says how queries share a connection.
func protocolOf(c Consul) string {
	switch n := c.Pool.PerConnection; {
	case n == 0:
		return "not known before the first answer"
	case c.HTTP2:
		return fmt.Sprintf("HTTP/2, %d queries at once on each", n)
	}
	return "HTTP/1.1, one query at a time on each"
}

func watchedOf(c Consul) []watchRow {
	w := c.Watches
	blocking := func(what string, n int, note string) watchRow {
		return watchRow{"blocking query", what, fmt.Sprint(n), note}
	}
	all := []watchRow{blocking("the list of services", w.List, "names that come and go, seen within a second")}
	if c.Entries == nil || w.Entries > 0 {
		all = append(all, blocking("config entries, by kind", w.Entries, ""))
	}
	all = append(all, blocking("services, directly", w.Direct, "each change is seen at once"))
	if w.Swept > 0 {
		note := "no signals: changes are seen within a round"
		if w.Signals > 0 {
			all = append(all, blocking("all checks, as signals", w.Signals, "they name services to read again, within a second or two"))
			note = "what no signal shows is seen within a round"
		}
		all = append(all, watchRow{"in turn", "services, swept", fmt.Sprint(w.Swept), fmt.Sprintf("a round takes %s; %s", span(time.Duration(w.Round*float64(time.Second))), note)})
	}
	if names := c.HostNames; names != nil && names.Names > 0 {
		all = append(all, watchRow{"DNS", "host names of instances", fmt.Sprint(names.Names), strings.Join([]string{
			fmt.Sprintf("%d kept as last known", names.Stale), fmt.Sprintf("%d without an address", names.Unresolved)}, ", ")})
	}
	return all
}
