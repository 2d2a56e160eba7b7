package admin

import (
	"fmt"
	"net/http"

	"legate/internal/quote"
)

// servicesPage is the data of the page that lists services.
type servicesPage struct {
	listPage
	Rows []ServiceSummary
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
	p, rows := s.list(state).find(q)
	v := servicesPage{s.listPage(q, "services", "Services", "Name", servicesParts(), servicesHeadings(), p), rows}
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

func servicesParts() []choice {
	return []choice{{"", "all"}, {onlyProblems, "with problems"}, {onlyUnhealthy, "unhealthy"}, {onlyDown, "down"}, {onlyLeftOut, "left out"}}
}

func servicesHeadings() []heading {
	return []heading{
		{name: "name", says: "Service", lowest: true}, {name: "passing", says: "Passing", class: "n"},
		{name: "warning", says: "Warning", class: "n wide"}, {name: "critical", says: "Critical", class: "n"},
		{name: "maintenance", says: "Maintenance", class: "n wide"}, {name: "problems", says: "Problems", class: "n"},
		{name: "missing", says: "Clients", class: "n"}, {name: "changed", says: "Last change", class: "wide"},
	}
}
