package admin

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"

	"legate/discovery"
	"legate/internal/quote"
	"legate/xdsserver"
)

//go:embed web/overview.html
var pageHTML string

//go:embed web/style.css
var styleCSS []byte

//go:embed web/page.js
var pageJS []byte

// The maximum numbers of rows on the page; the API has all of them.
const (
	maxStreamRows  = 200
	maxProblemRows = 50
)

// view is the data of the page: a status in words for people.
type view struct {
	Status
	Mood      string // good, warn, bad
	Verdict   string
	Concerns  []concern
	Holds     []discovery.Hold
	Hidden    int // number of concerns that are not shown
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

func (s *Server) page(w http.ResponseWriter, _ *http.Request) {
	v := viewOf(s.read(), holdsOf(s.rooms.Consul))
	t, err := template.New("page").Funcs(template.FuncMap{
		"ago":        func(t time.Time) string { return ago(v.Now, t) },
		"span":       func(seconds float64) string { return span(time.Duration(seconds * float64(time.Second))) },
		"ends":       func(h discovery.Hold) string { return h.Ends(v.Now) },
		"since":      func(t time.Time) string { return span(v.Now.Sub(t)) },
		"plural":     plural,
		"mib":        mib,
		"short":      short,
		"lost":       lost,
		"deselected": deselected,
		"name":       quote.Name,
		"text":       func(s string) string { return quote.Text(s, quote.TextBytes) },
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
	_, _ = w.Write(body.Bytes()) // the client may have gone
}

// asset serves a file of the page.
func asset(contentType string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType+"; charset=utf-8")
		_, _ = w.Write(content) // the client may have gone
	}
}

// viewOf puts a status into words: first the verdict, then the details.
func viewOf(s Status, holds []discovery.Hold) view {
	v := view{Status: s, Holds: holds, Concerns: concernsOf(s)}
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
	v.Mood, v.Verdict = verdict(s, v.Concerns)
	if v.Hidden = len(v.Concerns) - maxProblemRows; v.Hidden > 0 {
		v.Concerns = v.Concerns[:maxProblemRows]
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
	serving := fmt.Sprintf("Serving %s of %s to %s", plural(s.Consul.Services, "service"), s.Consul.Datacenter, plural(len(s.Streams), "stream"))
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

func rowOf(st xdsserver.StreamStatus) streamRow {
	row := streamRow{StreamStatus: st, Mood: "good"}
	for _, t := range st.Types {
		mood := "warn"
		switch t.State {
		case xdsserver.Synced:
			mood = "good"
		case xdsserver.NotSent: // the client may not want any
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

func gravity(mood string) int { return map[string]int{"good": 0, "warn": 1, "bad": 2}[mood] }
