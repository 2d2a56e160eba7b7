package xdsserver

// answered closes the response that a request answers. Requests that answer none that is open
// (an old nonce) close nothing.
func (ss *session) answered(sub *subscription, r *request) {
	d, open := sub.answered(r.nonce)
	if !open {
		return
	}
	if remedy := remedyOf(r.rejection); remedy != "" {
		sub.lost = true
		ss.server.repeats.add("client can follow nothing of what it is sent", sub.table.typeURL, "", ss.node.GetId(), r.rejection, remedy)
	}
	if sub.lost {
		return // its answers say nothing of any resource
	}
	if r.rejection == "" {
		ss.taken++
		ss.observe(answerToAck, sub, d)
		sub.took(d)
		ss.store.mu.RLock()
		cleared := sub.table.accept(d)
		ss.store.mu.RUnlock()
		ss.clear(sub.table, cleared)
		return
	}
	ss.store.mu.RLock()
	offender, known := sub.rejected(d, r.rejection)
	ss.store.mu.RUnlock()
	if known || len(sub.probes) == 0 { // else it is searched for
		ss.server.repeats.add("client rejects a resource and keeps what it has", sub.table.typeURL, offender, ss.node.GetId(), r.rejection,
			"look at it in /debug/config_dump, and change the service in Consul so that this client can use it")
	}
	if known && ss.credible(sub.table) && ss.store.refuse(sub.table, offender, ss.node.GetId(), r.rejection, d.seq, ss.server.config.QuarantineNodes) {
		ss.server.countQuarantined()
		ss.server.log.Warn("several clients reject a resource, it is kept back until it changes",
			"view", ss.store.view.String(), "type", sub.table.typeURL, "name", offender, "error", r.rejection,
			"remedy", "change the service in Consul so that Envoy can use it")
	}
}

// credible reports whether what the client rejects may speak against a resource for others: not
// if it rejects more than it takes, while others take what they get. It is called once for each
// offender.
func (ss *session) credible(t *table) bool {
	ss.offenders++
	return ss.taken >= ss.offenders || !t.taken.Load()
}

// clear ends the quarantine of names that the client accepts, or accepted earlier.
func (ss *session) clear(t *table, names []string) {
	if len(names) == 0 {
		return
	}
	ss.store.clear(t, names)
	ss.server.countQuarantined()
	ss.server.log.Info("a client accepts what was kept back, it is served again", "type", t.typeURL, "names", few(names))
}
