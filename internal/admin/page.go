package admin

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"legate/discovery"
	"legate/translate"
	"legate/xdsserver"
)

//go:embed page.html
var pageHTML string

//go:embed style.css
var styleCSS []byte

// Rows that the page shows at most; the API has all of them.
const (
	maxStreamRows  = 200
	maxProblemRows = 50
)

// recently is how long the page speaks of a client that was refused.
const recently = 10 * time.Minute

// view is what the page says: a status in people's words.
type view struct {
	Status
	Mood      string // good, warn, bad
	Verdict   string
	Concerns  []concern
	Holds     []discovery.Hold
	Hidden    int // concerns that are not shown
	MoreHolds int // and holds
	Rows      []streamRow
	More      int // streams that are not shown
	Instances []count
}

// concern is something that a person should look at.
type concern struct {
	Mood, What, Detail, Remedy string
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

func (s *Server) page(w http.ResponseWriter, _ *http.Request) {
	v := viewOf(s.read(), s.rooms.Consul.Holds())
	t, err := template.New("page").Funcs(template.FuncMap{
		"ago":    func(t time.Time) string { return ago(v.Now, t) },
		"span":   func(seconds float64) string { return span(time.Duration(seconds * float64(time.Second))) },
		"left":   func(t time.Time) string { return span(t.Sub(v.Now)) },
		"since":  func(t time.Time) string { return span(v.Now.Sub(t)) },
		"plural": plural,
		"short":  short,
		"lost":   lost,
	}).Parse(pageHTML)
	var body bytes.Buffer
	if err == nil {
		err = t.Execute(&body, v)
	}
	if err != nil {
		s.log.Error("page not rendered", "error", err)
		http.Error(w, "the page could not be rendered; /api/v1/status has the same content: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(body.Bytes()) // a reader that has gone needs nothing
}

func (s *Server) style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(styleCSS) // a reader that has gone needs nothing
}

// viewOf puts a status into words: first whether all is well, then what is not.
func viewOf(s Status, holds []discovery.Hold) view {
	v := view{Status: s, Holds: holds}
	if v.MoreHolds = len(holds) - maxProblemRows; v.MoreHolds > 0 {
		v.Holds = holds[:maxProblemRows]
	}
	for _, h := range []string{"passing", "warning", "critical", "maintenance"} {
		v.Instances = append(v.Instances, count{h, s.Consul.Instances[h]})
	}
	for _, p := range s.Consul.Problems {
		v.Concerns = append(v.Concerns, concern{"warn", titleOf(p), p.Detail, p.Remedy})
	}
	if s.Stale != "" {
		v.Concerns = append(v.Concerns, concern{"warn", "Stale: not read from Consul since the start", s.Stale,
			"Nothing that changes in Consul reaches Envoy until Consul was read completely."})
	}
	if bad := cmp.Or(s.LastKnown.Unwritten, s.LastKnown.Unusable); bad != "" {
		v.Concerns = append(v.Concerns, concern{"warn", "Last known catalog on disk", s.LastKnown.File + " " + bad, ""})
	}
	for _, st := range s.Streams {
		row := rowOf(st)
		for _, t := range row.Types {
			if t.State == xdsserver.Nacked {
				what := "Envoy " + name(st) + " rejected " + t.Short
				if len(t.Rejected) > 0 {
					what += ": " + strings.Join(slices.Sorted(maps.Keys(t.Rejected)), ", ")
				}
				v.Concerns = append(v.Concerns, concern{"bad", what, t.Rejection,
					"It keeps the old version of what it rejected. See /debug/config_dump for what was sent, and that Envoy's log."})
			}
		}
		v.Rows = append(v.Rows, row)
	}
	for _, served := range s.Views {
		for _, q := range served.Quarantined {
			instead := "nothing is served instead"
			if q.Serving != "" {
				instead = "the last version that was accepted is served instead"
			}
			v.Concerns = append(v.Concerns, concern{"bad", "Kept back from all: " + short(q.Type) + " of " + q.Name,
				fmt.Sprintf("rejected by %s (%s), accepted by none; %s", strings.Join(q.Nodes, ", "), q.Reason, instead),
				"Change the service in Consul so that Envoy can use it: it is served again as soon as it changes."})
		}
	}
	for _, r := range s.Refused {
		if r.Count > 0 && s.Now.Sub(r.Last) < recently {
			v.Concerns = append(v.Concerns, concern{"warn", "Clients were refused: " + strings.ReplaceAll(r.Limit, "_", " "),
				fmt.Sprintf("%s so far, the last %s from %s: %s", plural(int(r.Count), "time"), ago(s.Now, r.Last), r.From, r.Detail), r.Remedy})
		}
	}
	for _, p := range s.Problems {
		what := "Left out: " + p.Service
		if p.Instance != "" {
			what += ", instance " + p.Instance
		}
		v.Concerns = append(v.Concerns, concern{"warn", what, p.Detail, p.Remedy})
	}
	slices.SortStableFunc(v.Rows, func(a, b streamRow) int { return cmp.Compare(gravity(b.Mood), gravity(a.Mood)) })
	if v.More = len(v.Rows) - maxStreamRows; v.More > 0 {
		v.Rows = v.Rows[:maxStreamRows]
	}
	v.Mood, v.Verdict = verdict(s, v.Concerns)
	if v.Hidden = len(v.Concerns) - maxProblemRows; v.Hidden > 0 {
		v.Concerns = v.Concerns[:maxProblemRows]
	}
	return v
}

// titleOf is what kind of trouble with Consul it is, and how much it concerns.
func titleOf(p discovery.Problem) string {
	what, of := "Consul: "+strings.ReplaceAll(p.Kind, "_", " "), "queries"
	if why, held := strings.CutPrefix(p.Kind, "held_"); held {
		what, of = "Held: "+lost(why), "services"
	}
	if p.Queries > 1 {
		what += fmt.Sprintf(" (%d %s)", p.Queries, of)
	}
	return what
}

// lost is why a loss is held: what of it looks suspicious.
func lost(why string) string {
	switch why {
	case "emptied":
		return "the last instances"
	case "shrunk":
		return "most instances"
	case "catalog":
		return "much of the datacenter"
	case "datacenter":
		return "most of the datacenter"
	}
	return why
}

// verdict is the one sentence for who has no time.
func verdict(s Status, concerns []concern) (mood, sentence string) {
	switch {
	case s.Stopping:
		return "warn", "Stopping: " + s.NotReady + "."
	case !s.Ready && s.Stale != "":
		return "bad", "Not ready any more: " + s.NotReady + "."
	case !s.Ready:
		return "bad", "Not serving yet: " + s.NotReady + "."
	}
	serving := fmt.Sprintf("Serving %s of %s to %s", plural(s.Consul.Services, "service"), s.Consul.Datacenter, plural(len(s.Streams), "stream"))
	switch {
	case s.Stale != "":
		return "warn", fmt.Sprintf("Serving the last known catalog, %s old, to %s: Consul was not read since the start.",
			span(s.Now.Sub(s.LastKnown.Believed)), plural(len(s.Streams), "stream"))
	case !s.Consul.Connected:
		return "warn", serving + ", as last known: Consul does not answer as it should."
	case len(concerns) > 0:
		return "warn", fmt.Sprintf("%s, with %s to look at.", serving, plural(len(concerns), "thing"))
	}
	return "good", serving + "."
}

func rowOf(st xdsserver.StreamStatus) streamRow {
	row := streamRow{StreamStatus: st, Mood: "good"}
	for _, t := range st.Types {
		mood := "warn"
		switch t.State {
		case xdsserver.Synced:
			mood = "good"
		case xdsserver.NotSent: // it may have come with all that there is
			mood = "quiet"
		case xdsserver.Nacked:
			mood = "bad"
		}
		row.Types = append(row.Types, typeRow{t, short(t.Type), mood})
		if gravity(mood) > gravity(row.Mood) {
			row.Mood = mood
		}
	}
	return row
}

// short is a type URL in people's words.
func short(typeURL string) string {
	switch typeURL {
	case translate.ClusterType:
		return "clusters"
	case translate.AssignmentType:
		return "endpoints"
	}
	return typeURL[strings.LastIndexByte(typeURL, '.')+1:]
}

func gravity(mood string) int { return map[string]int{"good": 0, "warn": 1, "bad": 2}[mood] }

func name(st xdsserver.StreamStatus) string { return cmp.Or(st.Node, st.Peer, st.ID) }

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// ago says how long before now t was.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	if d := now.Sub(t); d >= time.Second {
		return span(d) + " ago"
	}
	return "just now"
}

// span is a duration in one or two units, as people say it.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return "under 1 s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}
