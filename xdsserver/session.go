package xdsserver

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// wire is what differs between the two streaming protocols.
type wire interface {
	// name names the stream.
	name() streamKey
	// receive waits for the client's next request.
	receive() (*request, error)
	// open, received, responding and closed tell the callbacks. received also fills in what the
	// request left out; open returns the record of the stream.
	open() (*streamRecord, error)
	received(r *request, node *corev3.Node) error
	responding(message any, node *corev3.Node)
	closed(node *corev3.Node, cause error)
	// want applies the names of a request to its subscription. The store's lock is held.
	want(s *subscription, r *request, first bool) error
	// bodies appends what delivers the entries: one body, or several that are not too large.
	// What is in them is shared. The store's lock is held for reading.
	bodies(to []body, s *subscription, entries []*entry) []body
	// frame makes the response that delivers a body, encoded and as a message. The store's lock
	// is held for reading.
	frame(t *table, p *body, nonce string) (*frame, any)
}

// session is one stream. The goroutine of its handler receives requests; a worker sends what has
// changed. Whoever holds the lock owns all of the session's state, and sends: so an acknowledgement,
// which is most of what comes, costs no switch from one goroutine to another.
type session struct {
	server  *Server
	stream  *limitedStream
	wire    wire
	record  *streamRecord
	typeURL string // the stream's only type; empty if aggregated

	changed atomic.Bool           // something has changed that is not sent yet
	queued  atomic.Bool           // a worker will come
	cause   atomic.Pointer[error] // of the end, if it is not the client's; nothing is sent from then on

	mu      sync.Mutex // of all that follows
	node    *corev3.Node
	nodeID  *string // see name
	account *account
	nonce   uint64
	bodies  []body     // of the responses that are made next; reused
	made    []response // and these, which are sent next; reused
	madeFor *subscription
	odd     map[string]bool // types asked for that are not served
	wakeAt  time.Time       // when it will be woken at the latest

	// state is locked beside mu while what follows is changed, and alone by who only looks at it. Nobody waits for a
	// client with it. It is locked after the store's lock.
	state sync.Mutex
	store *store
	slot  int
	subs  []*subscription // in the order of the store's tables; nil where nothing is wanted
}

// serve runs one stream until it ends.
func (s *Server) serve(stream grpc.ServerStream, typeURL string, w wire) (err error) {
	ss := &session{server: s, stream: limitedStreamOf(stream.Context()), wire: w, typeURL: typeURL}
	s.sessions.add(ss)
	defer func() {
		s.sessions.remove(ss)
		ss.mu.Lock()
		defer ss.mu.Unlock()
		ss.cause.CompareAndSwap(nil, &errEnded) // from here on nothing is sent
		ss.reportRejecting(false)
		if subs := ss.leave(); ss.store != nil {
			ss.store.detach(ss.slot, subs)
		}
		w.closed(ss.node, err)
	}()
	if ss.record, err = w.open(); err != nil {
		return err
	}
	err = ss.listen()
	if cause := ss.cause.Load(); cause != nil {
		return *cause
	}
	return err
}

// leave ends the subscriptions, and returns them: the store knows of them still.
func (ss *session) leave() []*subscription {
	ss.state.Lock()
	defer ss.state.Unlock()
	subs := ss.subs
	for _, sub := range subs {
		if sub != nil {
			sub.dropFlight(len(sub.flight))
		}
	}
	ss.subs = nil
	return subs
}

// yield lets others use the store for a moment, and look at the session. The caller holds the locks of both.
func (ss *session) yield() {
	ss.state.Unlock()
	ss.store.yield()
	ss.state.Lock()
}

// listen takes in requests until there are no more.
func (ss *session) listen() error {
	for {
		r, err := ss.wire.receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if r.hasManyNames() {
			err = ss.stream.admitted.AwaitNames(ss.stream.ctx)
		}
		if err == nil {
			err = ss.take(r)
		}
		ss.server.interceptor.reuse(r.buffer)
		if err == nil && ss.account != nil {
			err = ss.account.wait.Await(ss.stream.ctx)
		}
		if err != nil {
			return err
		}
	}
}

// take takes in a request, and sends all that is due then. After a request that failed nothing is sent
// any more.
func (ss *session) take(r *request) error {
	ss.mu.Lock()
	defer ss.unlock()
	if cause := ss.cause.Load(); cause != nil {
		return *cause
	}
	err := ss.handle(ss.stream.Context(), r)
	if ss.account != nil {
		ss.account.count()
	}
	if err == nil {
		_, err = ss.update(true)
	}
	if err != nil {
		ss.cause.CompareAndSwap(nil, &err)
	}
	return err
}

// wake has what has changed sent. It waits for nobody.
func (ss *session) wake() {
	ss.changed.Store(true)
	if !ss.queued.Swap(true) {
		ss.server.workers.add(ss)
	}
}

// push sends what is due without waiting for the client. It reports whether one has to wait: then it
// keeps the lock, and pushPatiently has to be called.
func (ss *session) push() (waits bool) {
	ss.queued.Store(false)
	if !ss.mu.TryLock() {
		return false // whoever has the lock looks whether something has changed when it lets go of it
	}
	if ss.cause.Load() == nil {
		var err error
		if waits, err = ss.update(false); err != nil {
			ss.end(err)
		}
	}
	if !waits {
		ss.unlock()
	}
	return waits
}

// pushPatiently goes on where push ended, and waits for the client.
func (ss *session) pushPatiently() {
	defer ss.unlock()
	if _, err := ss.update(true); err != nil {
		ss.end(err)
	}
}

// unlock lets go of the session. What changed while nobody else could have the lock is sent next.
func (ss *session) unlock() {
	ss.mu.Unlock()
	if ss.changed.Load() && ss.cause.Load() == nil {
		ss.wake()
	}
}

// update sends all that is due, as flush does.
func (ss *session) update(mayWait bool) (waits bool, err error) {
	ss.changed.Store(false) // before it is looked at: what changes from now on wakes the session again
	if waits, err = ss.flush(mayWait); err != nil || waits {
		return waits, err
	}
	ss.scheduleWake()
	ss.reportRejecting(true)
	return false, nil
}

// end ends the stream from elsewhere than its handler, which returns then.
func (ss *session) end(cause error) {
	if ss.cause.CompareAndSwap(nil, &cause) {
		_ = ss.stream.inbox.wire.WriteStatus(status.Convert(cause)) // it may have ended
	}
}

// reportRejecting keeps the record of which names are parked because the client rejected them; of a
// stream that is not open any more none are.
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
		if now || sub.rejecting || sub.nacked {
			ss.record.noteParked(sub, now)
		}
		sub.rejecting, sub.nacked = now, false
	}
}

var errEnded = errors.New("the stream has ended") // told to nobody
