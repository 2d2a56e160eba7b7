package admin

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"

	"legate/discovery"
	"legate/xdsserver"
)

// The maximum numbers of rows on the page; the API has all of them.
const (
	maxStreamRows  = 200
	maxProblemRows = 50
)

// overview is the data of the first page: a status in words for people.
type overview struct {
	Page head
	Status
	all       []concern // also those that are not shown
	Followed  []Site    // datacenters and peers; none: the own one only
	Concerns  concerns
	Holds     []discovery.Hold
	MoreHolds int // number of holds that are not shown
	Rows      []streamRow
	More      int // number of streams that are not shown
	Instances []count
}

type count struct {
	Name string
	N    int
}

type streamRow struct {
	xdsserver.StreamStatus
	Mood  string
	Types []typeRow
}

type typeRow struct {
	xdsserver.TypeStatus
	Short, Mood string
}

func (s *Server) overview(w http.ResponseWriter, _ *http.Request) {
	v := viewOf(s.read(), holdsOf(s.rooms.Consul))
	v.Page = s.head("overview", "")
	v.Page.Mood, v.Page.Verdict = verdict(v.Status, v.all)
	s.render(w, http.StatusOK, "overview", v, "/api/v1/status")
}

// viewOf puts a status into words: first the verdict, then the details.
func viewOf(s Status, holds []discovery.Hold) overview {
	all := concernsOf(s)
	v := overview{Status: s, Holds: holds, all: all, Concerns: some(all), Followed: SitesOf(s.Consul)}
	if v.MoreHolds = len(holds) - maxProblemRows; v.MoreHolds > 0 {
		v.Holds = holds[:maxProblemRows]
	}
	for _, h := range []string{"passing", "warning", "critical", "maintenance"} {
		v.Instances = append(v.Instances, count{h, s.Consul.Instances[h]})
	}
	for _, st := range s.Streams {
		v.Rows = append(v.Rows, rowOf(st))
	}
	slices.SortStableFunc(v.Rows, func(a, b streamRow) int { return cmp.Compare(gravity(b.Mood), gravity(a.Mood)) })
	if v.More = len(v.Rows) - maxStreamRows; v.More > 0 {
		v.Rows = v.Rows[:maxStreamRows]
	}
	return v
}

// verdict sums up the status in one sentence. Its mood is that of the gravest concern.
func verdict(s Status, concerns []concern) (mood, sentence string) {
	switch {
	case s.Stopping:
		return "warn", "Stopping: " + s.NotReady + "."
	case !s.Ready && s.Stale != "":
		return "bad", "Not ready any more: " + s.NotReady + "."
	case !s.Ready:
		return "bad", "Not serving yet: " + s.NotReady + "."
	}
	mood = "good"
	if !s.Consul.Connected || len(concerns) > 0 {
		mood = "warn"
	}
	if len(concerns) > 0 && concerns[0].Severity == critical {
		mood = "bad"
	}
	serving := fmt.Sprintf("Serving %s of %s%s to %s", plural(s.Consul.Services, "service"), s.Consul.Datacenter, elsewhere(s.Consul), plural(len(s.Streams), "stream"))
	switch {
	case s.Stale != "":
		return mood, fmt.Sprintf("Serving the last known catalog, %s, to %s: Consul was not read since the start.",
			age(s.Now.Sub(s.LastKnown.Believed)), plural(len(s.Streams), "stream"))
	case !s.Consul.Connected:
		return mood, serving + ", as last known: Consul does not answer as it should."
	case len(concerns) > 0:
		return mood, fmt.Sprintf("%s, with %s to look at.", serving, plural(len(concerns), "thing"))
	}
	return mood, serving + "."
}

// elsewhere says how many services of other datacenters and of peers are followed; empty: none of these is.
func elsewhere(c discovery.Status) string {
	if len(c.Sites) == 0 {
		return ""
	}
	n := 0
	for _, of := range c.Sites {
		n += of.Services
	}
	return fmt.Sprintf(", and %d elsewhere,", n)
}

func rowOf(st xdsserver.StreamStatus) streamRow {
	row := streamRow{StreamStatus: st, Mood: "good"}
	for _, t := range st.Types {
		mood := moodOf(t.State)
		row.Types = append(row.Types, typeRow{t, short(t.Type), mood})
		if gravity(mood) > gravity(row.Mood) {
			row.Mood = mood
		}
	}
	return row
}

// concerns are those that a page shows.
type concerns struct {
	Shown  []concern
	Hidden int // how many more there are
}

// some are the first of all concerns.
func some(all []concern) concerns {
	shown := all[:min(len(all), maxProblemRows)]
	return concerns{shown, len(all) - len(shown)}
}

func gravity(mood string) int { return map[string]int{"good": 0, "warn": 1, "bad": 2}[mood] }
