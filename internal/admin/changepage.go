package admin

import (
	"fmt"
	"net/http"
	"time"

	"legate/internal/changes"
)

// changePage is the data of the page of a change.
type changePage struct {
	Page     head
	ID       string
	Table    changeTable
	Delivery *ChangeDelivery
	Until    time.Time // now, or when it was overtaken
}

func (s *Server) changePage(w http.ResponseWriter, r *http.Request) {
	if s.rooms.Changes == nil {
		s.missing(w, http.StatusNotFound, "changes", "Changes", "Changes are not recorded here.", "", "")
		return
	}
	one, missing := s.changeOf(r.PathValue("id"))
	if missing != "" {
		s.missing(w, http.StatusNotFound, "changes", "Changes", "There is nothing to show: "+missing+".", "", "")
		return
	}
	v := changePage{Page: s.head("changes", "Change "+one.ID.String()), ID: one.ID.String(), Table: tableOf(s.now(), []Changed{one}), Delivery: one.Delivery, Until: s.now()}
	if v.Delivery != nil && !v.Delivery.Overtaken.IsZero() {
		v.Until = v.Delivery.Overtaken
	}
	v.Page.Mood, v.Page.Verdict = one.Verdict()
	s.render(w, http.StatusOK, "change", v, "/api/v1/changes")
}

// Verdict says in a sentence how far the change has come.
func (c *Changed) Verdict() (mood, sentence string) {
	d := c.Delivery
	switch {
	case d == nil && c.Published.IsZero() && (c.Kind == changes.Service || c.Kind == changes.Policy):
		return "quiet", "Nothing of what clients get has changed."
	case d == nil && c.Published.IsZero():
		return "quiet", "It is no change of what clients get."
	case d == nil:
		return "quiet", "How far clients have come with it is not remembered."
	case d.Asked == 0:
		return "quiet", "No client asked for it when it was published."
	}
	sentence = fmt.Sprintf("%d of %s acknowledged it", d.Acknowledged, plural(d.Asked, "client"))
	if !d.LastAck.IsZero() {
		from, what := c.Answered, "Consul's answer"
		if from.IsZero() {
			from, what = c.Published, "it was published"
		}
		sentence += fmt.Sprintf(", the last one %s after %s", brief(d.LastAck.Sub(from)), what)
	}
	if d.Left > 0 {
		sentence += fmt.Sprintf("; %d left before", d.Left)
	}
	if !d.Overtaken.IsZero() {
		sentence += fmt.Sprintf("; it was overtaken after %s", brief(d.Overtaken.Sub(c.Published)))
	}
	mood = "good"
	if d.MissingCount > 0 && d.Overtaken.IsZero() {
		mood, sentence = "warn", sentence+fmt.Sprintf("; %d missing", d.MissingCount)
	}
	return mood, sentence + "."
}
