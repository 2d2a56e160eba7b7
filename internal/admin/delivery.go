package admin

import (
	"legate/internal/bridge"
	"legate/translate"
	"legate/xdsserver"
)

// ServiceDelivery is how far the present cluster or assignment of a service has come.
type ServiceDelivery struct {
	Type string `json:"type"` // what people call it: clusters, endpoints
	xdsserver.Delivery
}

// maxMissing is how many clients are listed that have not acknowledged what is served.
const maxMissing = 20

// deliveriesOf are those of a cluster and its assignment, in each view. Each costs a look at every stream.
func (s *Server) deliveriesOf(name string) []ServiceDelivery {
	all := []ServiceDelivery{} // [] in JSON, not null
	for _, d := range s.rooms.XDS.Deliveries([]translate.Name{{Type: translate.ClusterType, Name: name}, {Type: translate.AssignmentType, Name: name}}, maxMissing) {
		for n := range d.Missing {
			d.Missing[n].Why = cut(d.Missing[n].Why)
		}
		all = append(all, ServiceDelivery{short(d.Name.Type), d})
	}
	return all
}

// deliveryRow is a delivery on the page.
type deliveryRow struct {
	ServiceDelivery
	In string // the view, if it is not that of most clients
}

// awaitedRow is a client that has not acknowledged what is served.
type awaitedRow struct {
	xdsserver.Awaited
	Type, Mood string
}

func deliveryRows(all []ServiceDelivery, state bridge.State) (rows []deliveryRow, missing []awaitedRow) {
	for _, d := range all {
		row := deliveryRow{ServiceDelivery: d}
		if d.View != state.View {
			row.In = d.View.String()
		}
		rows = append(rows, row)
		for _, m := range d.Missing {
			missing = append(missing, awaitedRow{m, d.Type, moodOf(m.State)})
		}
	}
	return rows, missing
}

// moodOf is the mood of a client's state.
func moodOf(s xdsserver.State) string {
	switch s {
	case xdsserver.Synced:
		return "good"
	case xdsserver.NotSent:
		return "quiet"
	case xdsserver.Nacked:
		return "bad"
	}
	return "warn"
}
