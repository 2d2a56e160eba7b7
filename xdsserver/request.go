package xdsserver

import (
	"context"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"legate/translate"
	"legate/xdsserver/admission"
)

// request is what a stream's loop has to know of a request, whatever the protocol.
type request struct {
	typeURL   string
	node      *corev3.Node
	nonce     string
	rejection string            // why the client rejects the response; empty if it does not
	names     nameList          // wanted; incremental: wanted in addition
	dropped   nameList          // incremental: no longer wanted
	have      map[string]string // incremental: versions that the client holds
	repeats   bool              // wants what the last request of its type wanted
	message   any               // for the callbacks; with names where they are logged
	buffer    *[]byte           // in which the names lie; reused when the request is done with
}

// hasManyNames reports whether it takes long to take in what the request names.
func (r *request) hasManyNames() bool {
	n := len(r.have)
	if !r.repeats {
		n += r.names.count + r.dropped.count
	}
	return n > manyNames
}

// handle takes in one request.
func (ss *session) handle(ctx context.Context, r *request) error {
	if r.typeURL == "" {
		r.typeURL = ss.typeURL
	}
	switch {
	case r.typeURL == "":
		return status.Error(codes.InvalidArgument, "a request on an aggregated stream must have a type_url")
	case ss.typeURL != "" && r.typeURL != ss.typeURL:
		return status.Errorf(codes.InvalidArgument, "this stream serves %q only, not %q; use the aggregated stream for several types", ss.typeURL, r.typeURL)
	}
	if served := typeOf(r.typeURL); served != nil {
		r.typeURL = served.typeURL // the same string everywhere is fast to compare
	}
	if ss.node == nil {
		ss.node = r.node
	}
	if err := ss.wire.received(r, ss.node); err != nil {
		return err
	}
	if ss.store == nil {
		if err := ss.enter(ctx); err != nil {
			return err
		}
	}
	t := ss.store.table(r.typeURL)
	if t == nil {
		ss.unserved(r.typeURL)
		return nil
	}
	sub, first := ss.subscription(t)
	if !first && r.nonce != "" {
		ss.answered(sub, r)
	}
	if r.repeats && !first {
		return nil
	}
	return ss.want(ctx, sub, r, first)
}

// want takes in what a request names. Requests with many names take turns: with the store's lock alone a
// change would wait for a piece of each.
func (ss *session) want(ctx context.Context, sub *subscription, r *request, first bool) error {
	if r.hasManyNames() {
		select {
		case ss.server.manyNames <- struct{}{}:
			defer func() { <-ss.server.manyNames }()
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
	ss.store.mu.Lock()
	defer ss.store.mu.Unlock()
	defer ss.store.reportMissing()
	ss.state.Lock()
	defer ss.state.Unlock()
	if first {
		sub.seq, sub.began = sub.table.seq, sub.table.seq
		sub.table.follow(sub.slot, sub)
	}
	if err := ss.wire.want(sub, r, first); err != nil {
		return err
	}
	if first && len(r.have) > 0 && !sub.isOwed() {
		ss.record.resumed(sub.table.typeURL, sub.table.version())
		ss.record.tookIn(sub.table.typeURL, sub.seq)
	}
	return nil
}

// enter waits until there is something to serve, then chooses the view of the stream's node for
// good.
func (ss *session) enter(ctx context.Context) error {
	select {
	case <-ss.server.ready:
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-ss.server.stopping:
		return admission.ErrStopping
	}
	store, err := ss.server.storeFor(ss.node)
	if err != nil {
		return err
	}
	var slot int
	if source := sourceOf(ss.node, ss.typeURL, ss.wire.name().protocol); source != (translate.Source{}) {
		store, slot = ss.server.joinDerived(store, source, ss.typeURL, ss.node.GetId(), ss.wake)
	} else {
		slot = store.attach(ss.wake)
	}
	ss.account = newAccount(ss.stream, slot)
	store.pays(slot, ss.account)
	store.stands(slot, placeOf(ss.node, store.view.Datacenter))
	ss.state.Lock()
	defer ss.state.Unlock()
	ss.store, ss.slot, ss.subs = store, slot, make([]*subscription, len(store.tables))
	ss.record.entered(ss)
	return nil
}

func (ss *session) subscription(t *table) (sub *subscription, first bool) {
	ss.state.Lock()
	defer ss.state.Unlock()
	for i := range ss.store.tables {
		if ss.store.tables[i] != t {
			continue
		}
		if ss.subs[i] == nil {
			ss.subs[i] = &subscription{table: t, slot: ss.slot, record: ss.record, delays: ss.server.metrics.Delays(t.typeURL), pace: ss.server.pace, budget: ss.server.budget, yield: ss.yield,
				expected: ss.server.expected, firstWait: ss.server.config.FirstAnswerWait}
			first = true
		}
		sub = ss.subs[i]
	}
	return sub, first
}

// unserved says once that the client waits in vain.
func (ss *session) unserved(typeURL string) {
	if ss.odd[typeURL] || len(ss.odd) >= 16 {
		return
	}
	if ss.odd == nil {
		ss.odd = map[string]bool{}
	}
	ss.odd[typeURL] = true
	ss.server.repeats.add("type is not served and will not be answered", typeURL, "", ss.node.GetId(), "",
		"take it out of the client's dynamic_resources")
}
