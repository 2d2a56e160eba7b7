package xdsserver

import "time"

// answered closes the response that a request answers. A request with an old nonce answers none that is
// open, and closes nothing.
func (ss *session) answered(sub *subscription, r *request) {
	ss.store.mu.RLock()
	defer ss.store.mu.RUnlock()
	ss.state.Lock()
	defer ss.state.Unlock()
	d, open := sub.answered(r.nonce)
	if !open {
		return
	}
	ss.bringApart(sub, d)
	sub.nacked = sub.nacked || r.rejection != ""
	if remedy := remedyOf(r.rejection); remedy != "" {
		sub.lost = true
		ss.server.repeats.add("client can follow nothing of what it is sent", sub.table.typeURL, "", ss.node.GetId(), r.rejection, remedy)
	}
	if sub.lost {
		return // its answers say nothing of any resource
	}
	if r.rejection == "" {
		now := time.Now()
		if !d.since.IsZero() {
			sub.delays.Acknowledged(now.Sub(d.since), d.origin)
		}
		sub.took(d)
		sub.table.accept(d, now, ss.name())
		sub.arrived(d)
		if sub.complete(d) {
			ss.record.tookIn(sub.table.typeURL, d.seq)
		}
		return
	}
	offender, known := sub.rejected(d, r.rejection)
	if known || len(sub.probes) == 0 { // else it is searched for
		ss.server.repeats.add("client rejects a resource and keeps what it has", sub.table.typeURL, offender, ss.node.GetId(), r.rejection,
			"look at it in /debug/config_dump, and change the service in Consul, or its policy (legate policy explain SERVICE says who set what), so that this client can use it")
	}
}

// complete reports whether the client has taken in all changes up to an answered response, but for what is parked:
// no other part of them is under way, or still to be sent.
func (s *subscription) complete(d delivery) bool {
	return !s.isOwed() && len(s.probes) == 0 && (len(s.flight) == 0 || s.flight[0].seq > d.seq)
}

// name is the id of the node, for what remembers who acknowledged something: one text for all of that. It needs the
// session's lock.
func (ss *session) name() *string {
	if ss.nodeID == nil {
		id := sane(ss.node.GetId())
		ss.nodeID = &id
	}
	return ss.nodeID
}
