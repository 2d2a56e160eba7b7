package guard

import (
	"time"

	"legate/discovery/catalog"
)

// Hold is a loss of one service that is not believed yet.
type Hold struct {
	Key catalog.ServiceKey
	Why Reason
	// So many instances are kept, of those that are served. Consul still has so many of them,
	// without the tags that select them; the others are gone.
	Kept, Served, Deselected int

	Since time.Time
	// Until is when it is believed at the latest, if Consul can be asked and still says the same. Once
	// that time has come it is believed as soon as Consul has said so once more.
	Until time.Time
}

// Holds are all losses that are held now, by the key of the service.
func (g *State) Holds() []Hold {
	all := make([]Hold, 0, len(g.held))
	for _, s := range inOrder(g.held) {
		h := s.hold
		all = append(all, Hold{
			Key: s.key, Why: h.why, Kept: len(h.kept), Served: len(s.served), Deselected: len(h.kept) - len(lacking(h.kept, s.said)),
			Since: h.since, Until: h.until(g.cfg, g.returned),
		})
	}
	return all
}

// Held says whether a loss of the service is held.
func (g *State) Held(key catalog.ServiceKey) bool {
	s := g.services[key]
	return s != nil && s.hold != nil
}
