package xdsserver

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"

	"legate/metrics"
)

// exchange is what the record needs of a request or a response, in either protocol.
type exchange struct {
	node           *corev3.Node
	typeURL        string
	version, nonce string
	names, dropped []string
	rejection      *rpcstatus.Status
	count, size    int
	delta          []*discoveryv3.Resource
}

func (x exchange) delivered() []string {
	var names []string
	for _, r := range x.delta[:min(len(x.delta), fewNames+1)] {
		names = append(names, r.GetName())
	}
	return names
}

// The kinds of requests.
const (
	subscribe = "subscribe" // asks for something, and answers nothing or what it answered before
	ack       = "ack"
	nack      = "nack"
	stale     = "stale" // answers a response that is closed already, or never was
)

// streamRecord is what the status page shows of an open stream.
type streamRecord struct {
	stream   *metrics.Stream
	only     string // its only type
	peer     string
	address  string // what counts as one address
	identity string // of the client's certificate
	opened   time.Time

	mu      sync.Mutex // of what follows
	node    *corev3.Node
	id      string // the node's: its message lies elsewhere
	cause   error
	types   []*typeRecord
	store   *store // nil until there is something to serve
	slot    int
	session *session // the same
}

type typeRecord struct {
	typeURL          string
	counts           *metrics.Exchange
	open             []sent
	last             string // nonce of the last response
	sent, ack, nack  int
	sentVersion      string
	acked            string
	rejected         string            // why the last rejection was one, while something is parked
	parked           map[string]string // names that are, and why; few of them
	quarantined      quarantine        // what of it was rejected alone
	lastSent, lastOK time.Time
	resumed          time.Time // when the client came with all that it wants
	took             uint64    // the client has taken in all changes up to this one, but for what is parked

	since time.Time // when it came into the state was
	was   State
}

// stateAt notes when the state has changed.
func (t *typeRecord) stateAt(now time.Time) {
	if is := t.state(); is != t.was {
		t.was, t.since = is, now
	}
}

type sent struct{ nonce, version string }

func newStreamRecord(s *metrics.Stream, typeURL string) *streamRecord {
	return &streamRecord{stream: s, only: typeURL, opened: time.Now()}
}

func (r *streamRecord) age() time.Duration { return time.Since(r.opened) }

// maxTypes bounds how many types are recorded for a stream; further ones are recorded as "other".
const maxTypes = 16

func (r *streamRecord) of(typeURL string) *typeRecord {
	for _, t := range r.types {
		if t.typeURL == typeURL {
			return t
		}
	}
	switch len(r.types) {
	case maxTypes:
		typeURL = "other"
	case maxTypes + 1: // that is the last one
		return r.types[maxTypes]
	}
	t := &typeRecord{typeURL: typeURL, counts: r.stream.Type(typeURL)}
	t.stateAt(time.Now())
	r.types = append(r.types, t)
	return t
}

// request records and counts a request, and says what kind it was, and whether it is the first that names the node.
func (r *streamRecord) request(x exchange) (kind string, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.node == nil {
		first = x.node != nil
		r.node, r.id = x.node, x.node.GetId()
		r.stream.Named(r.id)
	}
	t := r.of(x.typeURL)
	kind = t.request(x)
	t.counts.Request(kind)
	return kind, first
}

func (t *typeRecord) request(x exchange) (kind string) {
	if x.nonce == "" {
		return subscribe
	}
	i := slices.IndexFunc(t.open, func(s sent) bool { return s.nonce == x.nonce })
	switch {
	case i >= 0:
	case x.nonce == t.last && x.rejection == nil:
		return subscribe // state of the world: other names, with the nonce of the last response
	default:
		return stale
	}
	answered, now := t.open[i], time.Now()
	t.open = slices.Delete(t.open, 0, i+1)
	defer t.stateAt(now)
	if x.rejection != nil {
		t.nack++
		t.rejected = reasonOf(x.rejection)
		return nack
	}
	t.ack++
	t.acked, t.lastOK = answered.version, now
	return ack
}

// ended keeps why the stream ends.
func (r *streamRecord) ended(cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cause = cause
}

// entered notes where the stream has its place.
func (r *streamRecord) entered(ss *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.store, r.slot, r.session = ss.store, ss.slot, ss
}

// progress returns how far the client is with each type, by type URL.
func (r *streamRecord) progress() map[string]progress {
	r.mu.Lock()
	st, ss := r.store, r.session
	r.mu.Unlock()
	if ss == nil {
		return nil
	}
	return ss.progressOf(st)
}

// resumed notes that the client came with all that it wants of a type, so that nothing is sent.
func (r *streamRecord) resumed(typeURL, version string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.of(typeURL)
	t.acked, t.resumed = version, time.Now()
	t.stateAt(t.resumed)
}

// tookIn notes up to which change the client has taken in all that it was sent, but for what is parked.
func (r *streamRecord) tookIn(typeURL string, seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of(typeURL).took = seq
}

// noteParked notes which names of a stream are parked because its client rejected them.
func (r *streamRecord) noteParked(s *subscription, rejecting bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of(s.table.typeURL).noteParked(s.parked, s.quarantined, rejecting)
}

func (t *typeRecord) noteParked(parked refused, alone quarantine, rejecting bool) {
	defer func() { t.stateAt(time.Now()) }()
	if !rejecting {
		t.rejected, t.parked, t.quarantined = "", nil, nil
		return
	}
	if !maps.Equal(t.quarantined, alone) {
		t.quarantined = maps.Clone(alone)
	}
	few := make(map[string]string, min(len(parked), fewNames))
	for name, why := range parked {
		if len(few) == fewNames {
			break
		}
		few[name] = why
	}
	t.parked = few
}

// response records and counts a response.
func (r *streamRecord) response(x exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.of(x.typeURL)
	t.counts.Response(x.count, x.size)
	t.sent++
	t.sentVersion, t.last, t.lastSent = x.version, x.nonce, time.Now()
	if len(t.open) >= maxFlight {
		t.open = t.open[1:]
	}
	t.open = append(t.open, sent{x.nonce, x.version})
	t.stateAt(t.lastSent)
}

// reasonOf is why a client rejects a response; empty if it does not.
func reasonOf(rejection *rpcstatus.Status) string {
	if rejection == nil {
		return ""
	}
	if text := sane(rejection.GetMessage()); text != "" {
		return text
	}
	return "no reason given"
}

const (
	fewNames  = 10
	saneBytes = 1024
)

// few shortens a list of names for a log line.
func few(names []string) []string {
	if len(names) <= fewNames {
		return names
	}
	return append(slices.Clone(names[:fewNames]), fmt.Sprintf("... %d in all", len(names)))
}

// sane makes a text from the network fit for logs and pages: one printable line of bounded length.
func sane(text string) string {
	if len(text) > saneBytes {
		text = text[:saneBytes] + "..."
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
}
