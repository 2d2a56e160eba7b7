package guard

import (
	"maps"
	"slices"
	"time"

	"legate/discovery/catalog"
)

// hold is a loss of one service that is not believed yet: what an answer lacks is kept as it was last seen.
type hold struct {
	why      Reason
	since    time.Time // of the first loss; it stays
	emptied  time.Time // since when nothing is left that takes traffic; zero: something is
	most     time.Time // when it was last a part of the loss of most of the datacenter; zero: never
	kept     []catalog.Instance
	missed   map[catalog.InstanceKey]time.Time // of these: the first consistent read without it
	agreed   time.Time                         // the last consistent read; it lacked all that is missed
	moved    bool                              // the answer's index was above that of the last one that had them
	wentBack bool                              // Consul's index went back shortly before
	evident  bool                              // the last second look gave evidence of a deregistration
	asked    time.Time                         // when that was taken, or tried; zero: never
	rest     []catalog.Instance                // all was gone and a part of it came back: what never did
}

// left notes how many of the service are left that take traffic.
func (h *hold) left(n int, now time.Time) {
	switch {
	case n > 0:
		h.emptied = time.Time{}
	case h.emptied.IsZero():
		h.emptied = now
	}
}

// lacks notes what is lost now. A service comes back of which all was gone: instances return one after the other, as
// agents register them or a peer imports them. Each that does gives the rest new time to be confirmed, but once: one
// that goes again and returns again says nothing new of the others.
func (h *hold) lacks(lost []catalog.Instance) {
	back := catalog.Lacking(h.kept, lost)
	if h.rest == nil && h.why == Emptied && len(back) > 0 {
		h.rest = h.kept
	}
	rest := catalog.Lacking(h.rest, back)
	if len(rest) < len(h.rest) {
		for i := range rest {
			delete(h.missed, rest[i].Key())
		}
	}
	h.rest = rest
}

// keep makes these what is kept. Of those that were kept already it stays known since when they are missed.
func (h *hold) keep(these []catalog.Instance) {
	h.kept = these
	maps.DeleteFunc(h.missed, func(key catalog.InstanceKey, _ time.Time) bool {
		_, kept := catalog.Find(these, key)
		return !kept
	})
}

// agree takes a consistent read into account that lacks all that is kept.
func (h *hold) agree(now time.Time) {
	for i := range h.kept {
		if _, was := h.missed[h.kept[i].Key()]; !was {
			h.missed[h.kept[i].Key()] = now
		}
	}
	h.agreed = now
}

// unconfirmed are those that are kept and that not two consistent reads lack, so far apart.
func (h *hold) unconfirmed(apart time.Duration) (left []catalog.Instance) {
	for i := range h.kept {
		if first, was := h.missed[h.kept[i].Key()]; !was || h.agreed.Sub(first) < apart {
			left = append(left, h.kept[i])
		}
	}
	return left
}

// ofMost says that it is a part of the loss of most of the datacenter.
func (h *hold) ofMost() bool { return h.why == DatacenterLost || !h.most.IsZero() }

// awaited is until when a part of the loss of most of the datacenter is waited for, if something of that
// came back last then. Services return one after the other, as agents find out what Consul has lost: each
// looks once in one to three minutes, or less often where there are many. What is left of it meanwhile is
// not small because it is a small loss.
// https://developer.hashicorp.com/consul/docs/architecture/anti-entropy
func (h *hold) awaited(c Config, returned time.Time) time.Time {
	if h.most.IsZero() {
		return time.Time{}
	}
	return slices.MinFunc([]time.Time{latest(h.most, returned).Add(2 * c.Window), h.since.Add(c.DatacenterHold)}, time.Time.Compare)
}

// ends is from when on what is confirmed of it is believed.
func (h *hold) ends(c Config, returned time.Time, evident bool) time.Time {
	switch {
	case h.why == DatacenterLost:
		return h.since.Add(c.DatacenterHold)
	case h.why == Emptied && !evident:
		return latest(h.emptied.Add(c.Empty), h.awaited(c, returned))
	}
	return h.awaited(c, returned)
}

// outcome is how it ends when it is over; see [Ended].
func (h *hold) outcome(c Config, now time.Time) string {
	switch {
	case h.why == DatacenterLost:
		return "expired"
	case h.why == Emptied && now.Before(h.emptied.Add(c.Empty)):
		return "evident"
	}
	return "confirmed"
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

// Hold is a loss of one service that is not believed yet.
type Hold struct {
	Key          catalog.ServiceKey
	Why          Reason
	Kept, Served int // instances that are kept, and all that are served with them
	Deselected   int // of those that are kept: Consul still has them, without the tags that select them
	Since        time.Time
	// Until is when it is believed at the latest, if Consul can be asked and still says the same, and
	// nothing more comes back. Once that time has come it is believed as soon as Consul has said so.
	Until time.Time
}

// Holds are all losses that are held now, by the key of the service.
func (g *State) Holds() (all []Hold) {
	for _, s := range g.which(g.holds, isHeld) {
		h := s.hold
		last := latest(append(slices.Collect(maps.Values(h.missed)), h.since)...)
		all = append(all, Hold{
			Key: s.key, Why: h.why, Kept: len(h.kept), Served: len(s.served), Deselected: len(catalog.Common(h.kept, s.said)),
			Since: h.since, Until: latest(last.Add(g.cfg.Confirm), h.ends(g.cfg, g.returned, false)),
		})
	}
	return all
}
