package discovery

import (
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// hold is a loss of one service that is not believed yet: the instances that an answer lacks
// are kept as they were last seen, beside what the answer has.
type hold struct {
	why     suspicion
	since   time.Time
	mass    time.Time      // when it was last a part of the loss of most of the datacenter; zero: never
	reading consul.Reading // what Consul says without them
	kept    []missing
	moved   bool      // the answer's index was above that of the last one that had them
	another bool      // Consul's index went back shortly before
	sure    bool      // the last look at Consul gave evidence of a deregistration
	asked   time.Time // when it was last looked at, or that was tried
	told    suspicion // what the log was told last
}

// missing is an instance that is kept although Consul does not say that it exists.
type missing struct {
	catalog.Instance
	since     time.Time // the first consistent read without it; zero: none yet
	confirmed bool      // by a second one, late enough
}

// lacking returns the instances that are not among those of now. Both are sorted.
func lacking(was, now []catalog.Instance) []catalog.Instance {
	var out []catalog.Instance
	for i := range was {
		if _, there := slices.BinarySearchFunc(now, was[i], catalog.Instance.Compare); !there {
			out = append(out, was[i])
		}
	}
	return out
}

// instances are those that are kept.
func (h *hold) instances() []catalog.Instance {
	out := make([]catalog.Instance, len(h.kept))
	for i := range h.kept {
		out[i] = h.kept[i].Instance
	}
	return out
}

// taking is how many of them take traffic.
func (h *hold) taking() (n int) {
	for i := range h.kept {
		if h.kept[i].TakesTraffic() {
			n++
		}
	}
	return n
}

// deselected is how many of them Consul still has, without what selects them.
func (h *hold) deselected(said consul.Reading) int {
	return len(h.kept) - len(lacking(h.instances(), said.Service.Instances))
}

// keep makes lost what is kept, and remembers of each since when it is missed.
func (h *hold) keep(lost []catalog.Instance) {
	kept := make([]missing, len(lost))
	for i := range lost {
		kept[i].Instance = lost[i]
		if at, was := slices.BinarySearchFunc(h.kept, lost[i], func(m missing, i catalog.Instance) int { return m.Compare(i) }); was {
			kept[i].since, kept[i].confirmed = h.kept[at].since, h.kept[at].confirmed
		}
	}
	h.kept = kept
}

// still returns those that are kept already. Both are sorted.
func (h *hold) still(lost []catalog.Instance) []catalog.Instance {
	return slices.DeleteFunc(lost, func(i catalog.Instance) bool {
		_, kept := slices.BinarySearchFunc(h.kept, i, func(m missing, i catalog.Instance) int { return m.Compare(i) })
		return !kept
	})
}

// agree takes a consistent read into account that lacks all that is kept.
func (h *hold) agree(at time.Time, apart time.Duration) {
	for i := range h.kept {
		m := &h.kept[i]
		switch {
		case m.since.IsZero():
			m.since = at
			m.confirmed = apart == 0
		case at.Sub(m.since) >= apart:
			m.confirmed = true
		}
	}
}

// served is what Consul says together with what is kept.
func (h *hold) served() catalog.Service {
	s := h.reading.Service
	all := make([]catalog.Instance, 0, len(s.Instances)+len(h.kept))
	all = append(all, s.Instances...)
	for i := range h.kept {
		all = append(all, h.kept[i].Instance)
	}
	slices.SortFunc(all, catalog.Instance.Compare)
	s.Instances = all
	return s
}

// massive says that it is a part of the loss of most of the datacenter. Of those one is looked
// at in each tick, in turn, for as long as they are held.
func (h *hold) massive() bool { return h.why == evaporated || !h.mass.IsZero() }

// due is when it is to be looked at again; zero if that would tell nothing new of it alone.
func (h *hold) due(g Guard) time.Time {
	var due time.Time
	soonest := func(t time.Time) {
		if due.IsZero() || t.Before(due) {
			due = t
		}
	}
	for i := range h.kept {
		switch m := &h.kept[i]; {
		case m.since.IsZero():
			soonest(h.since)
		case !m.confirmed:
			soonest(m.since.Add(g.Confirm))
		}
	}
	if due.IsZero() && h.why == emptied && !h.sure { // evidence may still come
		due = h.asked.Add(max(g.Confirm, time.Second))
	}
	if pause := h.asked.Add(min(g.Confirm, time.Second)); !due.IsZero() && !h.asked.IsZero() && due.Before(pause) {
		due = pause
	}
	return due
}

// until is when the hold ends at the latest, provided that Consul still says the same and can
// be asked, and that nothing more comes back.
func (h *hold) until(g Guard, back time.Time) time.Time {
	end := h.since
	switch h.why {
	case evaporated:
		return h.since.Add(max(g.DatacenterHold, g.Confirm))
	case emptied:
		end = h.since.Add(max(g.Empty, g.Confirm))
	default:
		for i := range h.kept {
			end = later(end, h.kept[i].since)
		}
		end = end.Add(g.Confirm)
	}
	return later(end, h.awaited(g, back))
}

// awaited is how long a part of the loss of most of the datacenter is waited for, if something of
// that came back last then: as long as a loss of most is held, at the most. Services return one
// after the other, as agents find out what Consul has lost: what is left of the loss meanwhile is
// not small because it is a small loss.
func (h *hold) awaited(g Guard, back time.Time) time.Time {
	if h.mass.IsZero() {
		return time.Time{}
	}
	end, most := later(h.mass, back).Add(g.recovery()), h.since.Add(g.DatacenterHold)
	if end.After(most) {
		return most
	}
	return end
}

// over says that what is confirmed of it is believed now. While much of the datacenter goes,
// nothing counts as evidence; while most of it comes back, what has not come yet is waited for.
func (h *hold) over(g Guard, now time.Time, eroding, recovering bool) bool {
	switch {
	case h.why == evaporated:
		return !now.Before(h.since.Add(g.DatacenterHold))
	case recovering:
		return false
	case h.why == emptied:
		all := !slices.ContainsFunc(h.kept, func(m missing) bool { return !m.confirmed })
		return all && (h.sure && !eroding || !now.Before(h.since.Add(g.Empty)))
	}
	return true
}

// outcome is how it ends when it is over: a metric's label.
func (h *hold) outcome(g Guard, now time.Time) string {
	switch {
	case h.why == evaporated:
		return "expired"
	case h.why == emptied && now.Before(h.since.Add(g.Empty)):
		return "evident"
	}
	return "confirmed"
}

// believe drops what is confirmed, and says whether there is nothing left.
func (h *hold) believe() (nothing bool) {
	h.kept = slices.DeleteFunc(h.kept, func(m missing) bool { return m.confirmed })
	return len(h.kept) == 0
}
