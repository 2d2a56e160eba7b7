package guard

import (
	"slices"
	"time"

	"legate/discovery/catalog"
)

// hold is a loss of one service that is not believed yet: the instances that an answer lacks
// are kept as they were last seen, beside what the answer has.
type hold struct {
	why      Reason
	since    time.Time
	mass     time.Time // when it was last a part of the loss of most of the datacenter; zero: never
	kept     []catalog.Instance
	missed   map[catalog.InstanceKey]time.Time // of those: the first consistent read without it
	agreed   time.Time                         // the last consistent read; it lacked all that is missed
	moved    bool                              // the answer's index was above that of the last one that had them
	wentBack bool                              // Consul's index went back shortly before
	evident  bool                              // the last second look gave evidence of a deregistration
	asked    time.Time                         // when that was taken, or tried; zero: never
}

// keep makes these what is kept, and remembers of each since when it is missed.
func (h *hold) keep(these []catalog.Instance) {
	missed := map[catalog.InstanceKey]time.Time{}
	for i := range these {
		if at, was := h.missed[these[i].Key()]; was {
			missed[these[i].Key()] = at
		}
	}
	h.kept, h.missed = these, missed
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

// served is what Consul says together with what is kept.
func (h *hold) served(selected []catalog.Instance) []catalog.Instance {
	all := slices.Concat(selected, h.kept)
	slices.SortFunc(all, catalog.Instance.Compare)
	return all
}

// massive says that it is a part of the loss of most of the datacenter.
func (h *hold) massive() bool { return h.why == DatacenterLost || !h.mass.IsZero() }

// awaited is until when a part of the loss of most of the datacenter is waited for, if something of
// that came back last then: as long as a loss of most is held, at the most. Services return one
// after the other, as agents find out what Consul has lost: what is left of the loss meanwhile is
// not small because it is a small loss.
func (h *hold) awaited(c Config, returned time.Time) time.Time {
	if h.mass.IsZero() {
		return time.Time{}
	}
	end, most := later(h.mass, returned).Add(c.recovery()), h.since.Add(c.DatacenterHold)
	if end.After(most) {
		return most
	}
	return end
}

// ends is from when on what is confirmed of it is believed. While much of the datacenter goes, nothing
// is evident; while most of it comes back, what has not come yet is waited for.
func (h *hold) ends(c Config, returned time.Time, evident bool) time.Time {
	switch {
	case h.why == DatacenterLost:
		return h.since.Add(c.DatacenterHold)
	case h.why == Emptied && !evident:
		return later(h.since.Add(c.Empty), h.awaited(c, returned))
	}
	return h.awaited(c, returned)
}

// until is when all of it is believed at the latest, provided that Consul still says the same and can
// be asked, and that nothing more comes back.
func (h *hold) until(c Config, returned time.Time) time.Time {
	last := h.since
	for _, first := range h.missed {
		last = later(last, first)
	}
	return later(last.Add(c.Confirm), h.ends(c, returned, false))
}

// outcome is how it ends when it is over; see [Ended].
func (h *hold) outcome(c Config, now time.Time) string {
	switch {
	case h.why == DatacenterLost:
		return "expired"
	case h.why == Emptied && now.Before(h.since.Add(c.Empty)):
		return "evident"
	}
	return "confirmed"
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
