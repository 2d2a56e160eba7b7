package admin

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"legate/internal/changes"
	"legate/internal/quote"
)

// changesPage is the data of the page of changes.
type changesPage struct {
	Page    head
	Service string
	Kind    string // as in the address, for the form
	Kinds   []part
	Table   changeTable
	Newest  string // leads to the newest changes; empty: these are
	Older   string // leads on; empty: there is nothing older
	API     string // where a program finds the same
}

// The page shows so many names and lines of a change. The API has all that is remembered.
const (
	maxChangeNames = 5
	maxChangeLines = 8
)

// changeTable is a table of changes.
type changeTable struct {
	Now   time.Time
	Rows  []changeRow
	OfOne bool // all are of the service whose page it is
}

// changeRow is a change in words.
type changeRow struct {
	ID        string
	At        time.Time
	Clock     string // when, in UTC; with the day if that is not today
	Kind      changes.Kind
	Services  []string // some of them
	More      int      // services that are not shown
	Lines     []lineRow
	MoreLines int
	Index     uint64
	Sent      string // how long after Consul's answer
	Acked     string
	Warn      bool // somebody has not acknowledged it
}

// lineRow is a line of a change: its sign, and the rest.
type lineRow struct{ Mood, Sign, Text string }

// maxOwnChanges is how many changes the page of a service shows.
const maxOwnChanges = 10

// changesOfService are the newest changes of a service.
func (s *Server) changesOfService(name string) changeTable {
	if s.rooms.Changes == nil {
		return changeTable{}
	}
	t := tableOf(s.now(), s.changed(s.rooms.Changes.Back(changes.Query{Service: name, Limit: maxOwnChanges}).Changes, 0))
	t.OfOne = true
	return t
}

func tableOf(now time.Time, all []Changed) changeTable {
	rows := make([]changeRow, 0, len(all))
	for i := range all {
		c := &all[i]
		shown := min(len(c.Services), maxChangeNames)
		row := changeRow{ID: c.ID.String(), At: c.At, Clock: clock(now, c.At), Kind: c.Kind, Services: c.Services[:shown], More: len(c.Services) - shown, Index: c.Index, Sent: cmp.Or(c.Sent(), published(c)), Acked: c.Acked(), Warn: c.Delivery != nil && c.Delivery.MissingCount > 0}
		texts := c.Texts()
		if c.More > 0 { // the last text counts those that are not remembered
			texts = texts[:len(texts)-1]
		}
		lines := min(len(texts), maxChangeLines)
		row.MoreLines = len(texts) - lines + c.More
		for _, text := range texts[:lines] {
			row.Lines = append(row.Lines, lineOf(text))
		}
		rows = append(rows, row)
	}
	return changeTable{Now: now, Rows: rows}
}

func lineOf(text string) lineRow {
	sign, rest, _ := strings.Cut(text, " ")
	rest = strings.ReplaceAll(rest, " -> ", " → ") // a narrow page would break the former in two
	switch sign {
	case changes.Plus:
		return lineRow{"good", "+", rest}
	case changes.Minus:
		return lineRow{"bad", "−", rest}
	}
	return lineRow{"warn", sign, rest}
}

// clock is a time of the day in UTC, with the day if it is not that of now.
func clock(now, at time.Time) string {
	now, at = now.UTC(), at.UTC()
	if now.YearDay() == at.YearDay() && now.Year() == at.Year() {
		return at.Format("15:04:05.000")
	}
	return at.Format("2006-01-02 15:04:05")
}

// published says when clients could be sent a change of which nothing else is known; empty: never.
func published(c *Changed) string {
	if c.Published.IsZero() || c.Answered.IsZero() {
		return ""
	}
	return "published " + c.after(c.Published)
}

func (s *Server) changesPage(w http.ResponseWriter, r *http.Request) {
	if s.rooms.Changes == nil {
		s.missing(w, http.StatusNotFound, "changes", "Changes", "Changes are not recorded here.", "", "")
		return
	}
	q, err := readChangesQuery(r.URL.Query(), s.now())
	if err == nil && q.follow {
		err = fmt.Errorf("after: only /api/v1/changes follows what comes")
	}
	if err != nil {
		s.missing(w, http.StatusBadRequest, "changes", "Changes", "Nothing can be shown for this address: "+err.Error()+".", "", "")
		return
	}
	found, values := s.rooms.Changes.Back(q.Query), r.URL.Query()
	v := changesPage{Page: s.head("changes", "Changes"), Service: q.Service, Kind: kindsText(q.Kinds), Table: tableOf(s.now(), s.changed(found.Changes, 0))}
	v.API = "/api/v1/changes" + strings.TrimSuffix(q.with(values.Get("since"), q.Kinds, q.Before), "?")
	for _, kind := range append([]changes.Kind{""}, changes.Kinds()...) {
		one := part{Says: string(kind), Here: v.Kind == string(kind)}
		var kinds []changes.Kind
		if kind == "" {
			one.Says = "all"
		} else {
			kinds = []changes.Kind{kind}
		}
		one.Link = q.with(values.Get("since"), kinds, changes.ID{})
		v.Kinds = append(v.Kinds, one)
	}
	if found.Next != (changes.ID{}) {
		v.Older = q.with(values.Get("since"), q.Kinds, found.Next)
	}
	if q.Before != (changes.ID{}) {
		v.Newest = q.with(values.Get("since"), q.Kinds, changes.ID{})
	}
	v.Page.Mood, v.Page.Verdict = "quiet", q.says(found)
	s.render(w, http.StatusOK, "changes", v, "/api/v1/changes")
}

// with is the query, as a relative URL, of changes of these kinds that are older than one.
func (q changesQuery) with(since string, kinds []changes.Kind, before changes.ID) string {
	values := url.Values{}
	for name, value := range map[string]string{"service": q.Service, "kind": kindsText(kinds), "since": since, "before": before.String()} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if q.Limit != defaultLimit {
		values.Set("limit", strconv.Itoa(q.Limit))
	}
	return "?" + values.Encode()
}

func kindsText(kinds []changes.Kind) string {
	var all []string
	for _, kind := range kinds {
		all = append(all, string(kind))
	}
	return strings.Join(all, ",")
}

// says tells what is shown.
func (q changesQuery) says(p changes.Page) string {
	said := "The newest changes"
	switch {
	case p.Newest == (changes.ID{}):
		return "Nothing has changed since the start of Legate."
	case q.Before != (changes.ID{}) && q.Before.Mark != p.Newest.Mark:
		return "Legate was started anew since: what changed before that is not remembered."
	case q.Before != (changes.ID{}):
		said = "Older changes"
	}
	if len(p.Changes) == 0 {
		said = "No changes"
	}
	if q.Service != "" {
		said += " of " + quote.Name(q.Service)
	}
	if len(q.Kinds) > 0 && !slices.Equal(q.Kinds, changes.Kinds()) {
		said += " of kind " + strings.ReplaceAll(kindsText(q.Kinds), ",", " or ")
	}
	said += "."
	if p.Forgotten > 0 {
		said += fmt.Sprintf(" %s are too old to be remembered.", plural(int(min(p.Forgotten, 1<<53)), "change"))
	}
	return said
}
