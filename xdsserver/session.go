package xdsserver

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"legate/translate"
)

// wire is what differs between the two streaming protocols.
type wire interface {
	// name names the stream.
	name() streamKey
	// receive waits for the client's next request.
	receive() (*request, error)
	// open, received, responding and closed tell the callbacks. received also fills in what the
	// request left out.
	open() error
	received(r *request, node *corev3.Node) error
	responding(message any, node *corev3.Node)
	closed(node *corev3.Node, cause error)
	// want applies the names of a request to its subscription. The store's lock is held.
	want(s *subscription, r *request, first bool) error
	// parcels appends what delivers the entries: one parcel, or several that are not too large.
	// What is in them is shared. The store's lock is held for reading.
	parcels(to []parcel, s *subscription, entries []*entry) []parcel
	// frame makes the response that delivers a parcel, encoded and as a message. The store's lock
	// is held for reading.
	frame(t *table, p *parcel, nonce string) (*frame, any)
}

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

// session is one stream. Two goroutines work on it: one receives, and one is woken by changes.
// Each takes its turn: whoever holds the lock owns all of the session's state, and sends. So an
// acknowledgement, which is most of what comes, costs no switch from one to the other.
type session struct {
	server  *Server
	stream  *guarded
	wire    wire
	typeURL string        // the stream's only type; empty if aggregated
	wake    chan struct{} // something has changed

	mu      sync.Mutex // of all that follows
	ended   error      // why there are no more turns
	node    *corev3.Node
	store   *store
	slot    int
	payer   *payer
	subs    []*subscription // in the order of the store's tables; nil where nothing is wanted
	nonce   uint64
	parcels []parcel        // of the responses that are made next; reused
	made    []response      // and these, which are sent next; reused
	odd     map[string]bool // types asked for that are not served
	alarm   time.Time       // when it will be woken at the latest
}

// serve runs one stream until it ends.
func (s *Server) serve(stream grpc.ServerStream, typeURL string, w wire) (err error) {
	g := guardedOf(stream.Context())
	ss := &session{server: s, stream: g, wire: w, typeURL: typeURL, wake: make(chan struct{}, 1)}
	defer func() {
		ss.mu.Lock()
		defer ss.mu.Unlock()
		ss.ended = errEnded
		ss.reportRejecting(false)
		if ss.store != nil {
			ss.store.leave(ss.slot, ss.subs)
		}
		for _, sub := range ss.subs {
			if sub != nil {
				sub.dropFlight(len(sub.flight))
			}
		}
		w.closed(ss.node, err)
	}()
	if err := w.open(); err != nil {
		return err
	}
	return ss.run()
}

// run waits for changes, and for the end. The goroutine that receives ends when the handler has
// returned, at the latest: that ends receive, and there are no more turns.
func (ss *session) run() error {
	broken := make(chan error, 1)
	go func() { broken <- ss.listen() }()
	stopping := ss.server.stopping
	var leave <-chan time.Time
	for {
		select {
		case <-ss.wake:
			if err := ss.turn(nil); err != nil {
				return err
			}
		case err := <-broken:
			return err
		case <-stopping:
			stopping, leave = nil, ss.server.leave()
		case <-leave:
			return errStopping
		}
	}
}

// listen takes in requests until there are no more.
func (ss *session) listen() error {
	for {
		r, err := ss.wire.receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = ss.turn(r)
			ss.server.admission.reuse(r.buffer)
		}
		if err == nil {
			err = ss.rest()
		}
		if err != nil {
			return err
		}
	}
}

// rest does not listen to a client that thinks of too many names, until that is bearable again.
func (ss *session) rest() error {
	if ss.payer == nil {
		return nil
	}
	a := ss.server.admission
	wait, refused := ss.payer.tired(a.now(), a.limits.NewStreamWait)
	if refused != nil || wait == 0 {
		return refused
	}
	return ss.stream.pause(ss.stream.Context(), wait)
}

// turn takes in a request, unless it is nil, and sends all that is due then. After one that
// failed there are no more.
func (ss *session) turn(r *request) (err error) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.ended != nil {
		return ss.ended
	}
	if r != nil {
		err = ss.handle(ss.stream.Context(), r)
	}
	if err == nil {
		err = ss.flush()
	}
	if err != nil {
		ss.ended = err
		return err
	}
	ss.setAlarm()
	ss.reportRejecting(true)
	return nil
}

// reportRejecting keeps the record of what the stream holds back because its client rejected it;
// a stream that is not open any more holds nothing back.
func (ss *session) reportRejecting(open bool) {
	for _, sub := range ss.subs {
		if sub == nil {
			continue
		}
		now := open && sub.isRejecting()
		if now != sub.rejecting {
			ss.server.metrics.Rejecting(sub.table.typeURL, now)
			if now {
				ss.server.rejecting.Add(1)
			} else {
				ss.server.rejecting.Add(-1)
			}
		}
		if now || sub.rejecting {
			ss.server.callbacks.holding(ss.wire.name(), sub, now)
		}
		sub.rejecting = now
	}
}

var errEnded = errors.New("the stream has ended") // told to nobody

var errStopping = status.Error(codes.Unavailable, "legate is shutting down; connect again")

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
	if r.names.count()+r.dropped.count()+len(r.have) > manyNames {
		select {
		case ss.server.manyNames <- struct{}{}:
			defer func() { <-ss.server.manyNames }()
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
	ss.store.mu.Lock()
	defer ss.store.mu.Unlock()
	defer ss.store.countVain()
	if first {
		sub.seq = sub.table.seq
	}
	if err := ss.wire.want(sub, r, first); err != nil {
		return err
	}
	if first && len(r.have) > 0 && !sub.isOwed() {
		ss.server.callbacks.resumed(ss.wire.name(), sub.table.typeURL, sub.table.version())
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
		return errStopping
	}
	store, err := ss.server.storeFor(ss.node)
	if err != nil {
		return err
	}
	if source := sourceOf(ss.node, ss.typeURL, ss.wire.name().protocol); source != (translate.Source{}) {
		ss.store, ss.slot = ss.server.joinDerived(store, source, ss.typeURL, ss.node.GetId(), ss.wake)
	} else {
		ss.store, ss.slot = store, store.join(ss.wake)
	}
	ss.payer = newPayer(ss.stream, ss.slot)
	ss.store.pays(ss.slot, ss.payer)
	ss.server.callbacks.entered(ss.wire.name(), ss.store, ss.slot)
	ss.subs = make([]*subscription, len(ss.store.tables))
	return nil
}

func (ss *session) subscription(t *table) (sub *subscription, first bool) {
	for i := range ss.store.tables {
		if ss.store.tables[i] != t {
			continue
		}
		if ss.subs[i] == nil {
			ss.subs[i] = &subscription{table: t, slot: ss.slot, pace: ss.server.pace, budget: ss.server.admission.budget, others: ss.store.others}
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
