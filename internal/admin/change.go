package admin

import (
	"net/http"

	"legate/internal/changes"
	"legate/internal/quote"
)

// maxChangeMissing is how many clients are listed that have not acknowledged a change.
const maxChangeMissing = 20

// changeOf is one change with all that is known of it; if there is none, it says why.
func (s *Server) changeOf(text string) (one Changed, missing string) {
	var id changes.ID
	if err := id.UnmarshalText([]byte(text)); err != nil || id == (changes.ID{}) {
		return one, quote.Name(text) + " is not the id of a change: take one from a list, such as k3f9qx-17"
	}
	p := s.rooms.Changes.Back(changes.Query{Before: changes.ID{Mark: id.Mark, Number: id.Number + 1}, Limit: 1})
	switch {
	case id.Mark != p.Newest.Mark:
		return one, "change " + id.String() + " is not of this start of Legate: it begins anew with each"
	case len(p.Changes) == 0 || p.Changes[0].ID != id:
		return one, "change " + id.String() + " is not remembered: it is too old, or was not yet"
	}
	one = s.changed(p.Changes, maxChangeMissing)[0]
	if d := one.Delivery; d != nil && !d.Overtaken.IsZero() {
		d.OvertakenBy = s.overtaker(one.Change, d)
	}
	return one, ""
}

// overtaker is the change by which another one was overtaken; the zero ID if it is not known.
func (s *Server) overtaker(c changes.Change, d *ChangeDelivery) changes.ID {
	for _, name := range c.Services {
		for _, o := range s.rooms.Changes.Back(changes.Query{Service: name, Since: c.At}).Changes {
			if o.Published.Equal(d.Overtaken) {
				return o.ID
			}
		}
	}
	return changes.ID{}
}

func (s *Server) change(w http.ResponseWriter, r *http.Request) {
	if s.rooms.Changes == nil {
		http.Error(w, "changes are not recorded here", http.StatusNotFound)
		return
	}
	one, missing := s.changeOf(r.PathValue("id"))
	if missing != "" {
		http.Error(w, missing, http.StatusNotFound)
		return
	}
	s.answer(w, r, one)
}
