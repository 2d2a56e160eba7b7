package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"legate/internal/changes"
	"legate/internal/quote"
)

// Changes is what changed lately, for programs: a changes.Page whose changes have their words, too.
type Changes struct {
	Changes   []Changed  `json:"changes"`
	Next      changes.ID `json:"next"`
	Newest    changes.ID `json:"newest"`
	Forgotten uint64     `json:"forgotten"`
	Missed    bool       `json:"missed,omitempty"`
}

// Changed is a change with its words.
type Changed struct {
	changes.Change
	// Seconds is how long it took from Consul's answer until it was published; 0: unknown.
	Seconds float64 `json:"seconds,omitempty"`
	// Text has a line for people each.
	Text []string `json:"text"`
	// Delivery is how far clients have come with it; none: nothing had to be sent, or that is not remembered any more.
	Delivery *ChangeDelivery `json:"delivery,omitempty"`
}

// maxWait is how long a request may wait for a change. Idle connections live longer everywhere.
const maxWait = 30 * time.Second

// changesQuery is what a request wants of the changes.
type changesQuery struct {
	changes.Query
	follow bool // what came after an id, the oldest first
	after  changes.ID
	wait   time.Duration // for the next one, if there is none yet
}

func (s *Server) changes(w http.ResponseWriter, r *http.Request) {
	if s.rooms.Changes == nil {
		http.Error(w, "changes are not recorded here", http.StatusNotFound)
		return
	}
	q, err := readChangesQuery(r.URL.Query(), s.now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if !q.follow {
		s.answer(w, r, s.changesOf(s.rooms.Changes.Back(q.Query)))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), q.wait)
	defer cancel()
	if stops, is := r.Context().Value(stopsKey{}).(context.Context); is {
		defer context.AfterFunc(stops, cancel)() // who waits does not keep Legate from ending
	}
	s.answer(w, r, s.changesOf(s.rooms.Changes.Wait(ctx, q.after, q.Query)))
}

func (s *Server) changesOf(p changes.Page) Changes {
	return Changes{Changes: s.changed(p.Changes, 0), Next: p.Next, Newest: p.Newest, Forgotten: p.Forgotten, Missed: p.Missed}
}

// changed adds to changes what else is known of them, with so many of those that have not acknowledged one.
func (s *Server) changed(all []changes.Change, most int) []Changed {
	out := make([]Changed, 0, len(all)) // [] in JSON, not null
	deliveries := deliveriesOf(s.rooms.XDS, all, most)
	for i, c := range all {
		out = append(out, Changed{c, c.Seconds(), append([]string{}, c.Texts()...), deliveries[i]})
	}
	return out
}

func readChangesQuery(values url.Values, now time.Time) (q changesQuery, err error) {
	q.Service = values.Get("service")
	if len(q.Service) > maxSearch {
		return q, fmt.Errorf("service: at most %d bytes", maxSearch)
	}
	for _, kind := range strings.FieldsFunc(values.Get("kind"), func(r rune) bool { return r == ',' }) {
		if !slices.Contains(changes.Kinds(), changes.Kind(kind)) {
			return q, fmt.Errorf("kind=%s: some of %s, with commas between", quote.Name(kind), quote.Text(strings.Trim(fmt.Sprint(changes.Kinds()), "[]"), quote.TextBytes))
		}
		q.Kinds = append(q.Kinds, changes.Kind(kind))
	}
	if q.Since, err = sinceOf(values.Get("since"), now); err != nil {
		return q, err
	}
	if q.Limit, err = number(values, "limit", defaultLimit, maxLimit); err != nil {
		return q, err
	}
	if err = q.Before.UnmarshalText([]byte(values.Get("before"))); err != nil {
		return q, fmt.Errorf("before: %w", err)
	}
	if err = q.after.UnmarshalText([]byte(values.Get("after"))); err != nil {
		return q, fmt.Errorf("after: %w", err)
	}
	q.follow = values.Has("after")
	if q.follow && values.Has("before") {
		return q, fmt.Errorf("before and after: one of the two: before=ID goes back, after=ID follows")
	}
	if text := values.Get("wait"); text != "" {
		q.wait, err = time.ParseDuration(text)
		if err != nil || q.wait < 0 || q.wait > maxWait || !q.follow {
			return q, fmt.Errorf("wait=%s: a time up to %v, with after=ID", quote.Name(text), maxWait)
		}
	}
	return q, nil
}

// sinceOf reads a time, or how long ago it was; empty: it does not count.
func sinceOf(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fmt.Errorf("since=%s: how long ago, such as 10m, or a time, such as 2026-11-27T02:41:00Z", quote.Name(text))
	}
	return at, nil
}
