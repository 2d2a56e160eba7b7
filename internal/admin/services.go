package admin

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"legate/discovery/catalog"
	"legate/internal/bridge"
	"legate/translate"
	"legate/xdsserver"
)

// Services is a part of the list of services.
type Services struct {
	Paging
	Services []ServiceSummary `json:"services"`
}

// serviceColumns are what the list can be sorted by.
func serviceColumns() []string {
	return []string{"name", "instances", "passing", "warning", "critical", "maintenance", "problems", "missing", "changed"}
}

// The parts of the list that can be asked for.
const (
	onlyProblems  = "problems"  // something of it is to be looked at
	onlyUnhealthy = "unhealthy" // an instance does not pass
	onlyDown      = "down"      // it has instances, and none is well enough to take traffic
	onlyLeftOut   = "left_out"  // it is not served
)

func serviceParts() []string { return []string{onlyProblems, onlyUnhealthy, onlyDown, onlyLeftOut} }

// list is the list of services at one moment. Of a service it computes what the query looks at, and all else for
// the rows that are shown only.
type list struct {
	state   bridge.State
	trouble map[string]int // how many holds and rejections a service has
	reach   map[string]xdsserver.Reach
}

func (s *Server) list(state bridge.State) list {
	l, t := list{state, map[string]int{}, s.rooms.XDS.Reach()}, s.trouble()
	for _, h := range t.holds {
		l.trouble[h.Of()]++
	}
	for _, r := range t.rejections {
		for _, name := range state.Resources.ServicesOf(r.of) {
			l.trouble[name]++
		}
	}
	return l
}

// listed is a service of the list, with the value by which it is sorted.
type listed struct {
	translate.Listed
	key int64
}

// find returns the part of the list that a query wants.
func (l list) find(q query) (Paging, []ServiceSummary) {
	var found []listed
	search := strings.ToLower(q.search)
	for one := range l.state.Resources.Services() {
		if (search == "" || strings.Contains(strings.ToLower(one.Name()), search)) && l.isOf(q.only, one) {
			found = append(found, listed{one, l.keyOf(q.sort, one)})
		}
	}
	if q.sort != "name" {
		slices.SortStableFunc(found, func(a, b listed) int {
			if q.down {
				a, b = b, a
			}
			return cmp.Compare(a.key, b.key)
		})
	} else {
		slices.SortStableFunc(found, func(a, b listed) int { return strings.Compare(a.Name(), b.Name()) }) // those elsewhere are by where
		if q.down {
			slices.Reverse(found)
		}
	}
	p, rows := paged(q, found)
	services := make([]ServiceSummary, 0, len(rows)) // [] in JSON, not null
	for _, row := range rows {
		services = append(services, l.summary(row.Listed))
	}
	return p, services
}

func (l list) summary(one translate.Listed) ServiceSummary {
	changed, served := one.Served()
	return ServiceSummary{Name: cut(one.Name()), Served: served, Health: healthOf(one), ProblemCount: l.problems(one), Changed: changedAt(l.state, changed), Reach: reachOf(l.reach, one.Name())}
}

func (l list) problems(one translate.Listed) int { return one.Problems() + l.trouble[one.Name()] }

// isOf reports whether a service is in that part of the list.
func (l list) isOf(part string, one translate.Listed) bool {
	switch part {
	case onlyProblems:
		return l.problems(one) > 0
	case onlyUnhealthy:
		h := healthOf(one)
		return h.Passing < h.Total()
	case onlyDown:
		return healthOf(one).Down()
	case onlyLeftOut:
		_, served := one.Served()
		return !served
	default:
		return true
	}
}

// keyOf is the value of a service in a column.
func (l list) keyOf(column string, one translate.Listed) int64 {
	switch column {
	case "instances":
		return int64(one.Instances())
	case "passing":
		return int64(one.Health()[catalog.Passing])
	case "warning":
		return int64(one.Health()[catalog.Warning])
	case "critical":
		return int64(one.Health()[catalog.Critical])
	case "maintenance":
		return int64(one.Health()[catalog.Maintenance])
	case "problems":
		return int64(l.problems(one))
	case "missing":
		r := reachOf(l.reach, one.Name())
		return int64(r.Clients - r.ClientsHave)
	case "changed":
		changed, _ := one.Served()
		return max(0, changedAt(l.state, changed).UnixNano()) // the zero time is before 1970
	default: // name: they are sorted by it
		return 0
	}
}

func healthOf(one translate.Listed) (c HealthCount) {
	for h, n := range one.Health() {
		c.add(catalog.Health(h), n)
	}
	return c
}

func (s *Server) services(w http.ResponseWriter, r *http.Request) {
	state := s.rooms.Bridge.State()
	if !state.Ready() {
		http.Error(w, "nothing is served yet: "+s.notReady(), http.StatusServiceUnavailable)
		return
	}
	q, err := readQuery(r, serviceColumns(), serviceParts())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var out Services
	out.Paging, out.Services = s.list(state).find(q)
	s.answer(w, r, out)
}
