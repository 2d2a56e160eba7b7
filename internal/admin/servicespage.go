package admin

import (
	"fmt"
	"net/http"
	"strings"

	"legate/internal/quote"
)

// servicesPage is the data of the page that lists services.
type servicesPage struct {
	Page    head
	Search  string
	Sort    string // as in the address, for the form
	Only    string
	Parts   []part
	Columns []column
	Rows    []ServiceSummary
	Pager   pager
	API     string // where a program finds the same
}

// part is a choice of which services are listed.
type part struct {
	Says, Link string
	Here       bool
}

// column is the head of a column, by which the table can be sorted.
type column struct {
	Says, Link string
	Class      string
	Order      string // ascending or descending: the table is sorted by it; or empty
}

func (s *Server) servicesPage(w http.ResponseWriter, r *http.Request) {
	q, err := readQuery(r, serviceColumns(), serviceParts())
	if err != nil {
		s.missing(w, http.StatusBadRequest, "services", "Services", "Nothing can be shown for this address: "+err.Error()+".", "", "")
		return
	}
	state := s.rooms.Bridge.State()
	if !state.Ready() {
		s.missing(w, http.StatusServiceUnavailable, "services", "Services", "Not serving yet: "+s.notReady()+".", "", "")
		return
	}
	v := servicesPage{Page: s.head("services", "Services"), Search: q.search, Only: q.only, Sort: q.order(), Parts: partsOf(q), Columns: columnsOf(q)}
	var p Paging
	p, v.Rows = s.list(state).find(q)
	v.Pager, v.API = pagerOf(q, p), strings.TrimSuffix("/api/v1/services"+q.with(p.Page), "?")
	v.Page.Mood, v.Page.Verdict = "quiet", foundOf(q, p.Total)
	if !s.rooms.Consul.Status().Connected {
		v.Page.Verdict += " As last known: Consul does not answer as it should."
	}
	s.render(w, http.StatusOK, "services", v, "/api/v1/services")
}

// foundOf says what is listed.
func foundOf(q query, n int) string {
	said := plural(n, "service")
	switch q.only {
	case onlyProblems:
		said += " with problems"
	case onlyUnhealthy:
		said += " with an instance that does not pass"
	case onlyDown:
		said += " whose instances are all down"
	case onlyLeftOut:
		said += " that " + map[bool]string{true: "is", false: "are"}[n == 1] + " not served"
	}
	if q.search != "" {
		said += fmt.Sprintf(", of those with %s in the name", quote.Name(q.search))
	}
	return said + "."
}

// partsOf are the choices, with links that keep all else of the query.
func partsOf(q query) []part {
	var all []part
	for _, one := range []struct{ part, says string }{{"", "all"}, {onlyProblems, "with problems"}, {onlyUnhealthy, "unhealthy"}, {onlyDown, "down"}, {onlyLeftOut, "left out"}} {
		next := q
		next.only = one.part
		all = append(all, part{one.says, next.with(1), q.only == one.part})
	}
	return all
}

// columnsOf are the columns of the table. A column is sorted from the highest first when it is chosen, names from the
// lowest; when it is chosen again, the other way round.
func columnsOf(q query) []column {
	var all []column
	for _, one := range []struct{ name, says, class string }{
		{"name", "Service", ""}, {"passing", "Passing", "n"}, {"warning", "Warning", "n wide"}, {"critical", "Critical", "n"}, {"maintenance", "Maintenance", "n wide"}, {"problems", "Problems", "n"}, {"changed", "Last change", "wide"},
	} {
		next, c := q, column{Says: one.says, Class: one.class}
		next.sort, next.down = one.name, one.name != "name"
		if q.sort == one.name {
			next.down = !q.down
			c.Order = map[bool]string{true: "descending", false: "ascending"}[q.down]
		}
		c.Link = next.with(1)
		all = append(all, c)
	}
	return all
}
