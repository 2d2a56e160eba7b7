package xdsserver

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"legate/metrics"
)

// excess is an error that says which limit a client met, and when it may come again.
type excess struct {
	limit  string // as metrics and status name it
	code   codes.Code
	text   string
	remedy string        // for who runs Legate
	retry  time.Duration // 0: nothing will have changed
}

func (r *excess) Error() string { return r.text }

// GRPCStatus is what a client gets: with google.rpc.RetryInfo where coming again helps.
func (r *excess) GRPCStatus() *status.Status {
	s := status.New(r.code, r.text)
	if r.retry > 0 {
		if hinted, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(r.retry)}); err == nil {
			return hinted
		}
	}
	return s
}

// The limits by their names in metrics and status.
const (
	limitConnections           = "connections"
	limitConnectionsPerAddress = "connections_per_address"
	limitRESTConnections       = "rest_connections"
	limitStreams               = "streams"
	limitStreamsPerAddress     = "streams_per_address"
	limitStreamsPerNode        = "streams_per_node"
	limitNewStreams            = "new_streams"
	limitMessageBytes          = "message_bytes"
	limitNodeBytes             = "node_bytes"
	limitNodeIDBytes           = "node_id_bytes"
	limitNames                 = "names"
	limitBodyBytes             = "body_bytes"
	limitFetches               = "fetches"
	limitAnswerBytes           = "answer_bytes"
	limitUnreadBytes           = "unread_bytes"
	limitProbes                = "probes"
	limitUnknownMethods        = "unknown_methods"
	limitStuckSend             = "stuck_send"
	limitHandshake             = "handshake"
	limitRefusedStreams        = "refused_streams"
	limitReturns               = "returns"
	limitPings                 = "pings"
	limitCertificate           = "certificate"
	limitEmptyFrames           = "empty_frames"
	limitMemory                = "memory"
	limitMessageTime           = "message_time"
	limitNameBytes             = "name_bytes"
)

// allLimits are all of them, in the order in which status shows them.
func allLimits() []string {
	return []string{
		limitConnections, limitConnectionsPerAddress, limitRESTConnections, limitHandshake, limitCertificate,
		limitStreams, limitStreamsPerAddress, limitStreamsPerNode, limitNewStreams, limitRefusedStreams, limitReturns, limitPings, limitEmptyFrames,
		limitMemory, limitMessageBytes, limitMessageTime, limitNodeBytes, limitNodeIDBytes, limitNames, limitNameBytes,
		limitBodyBytes, limitFetches, limitAnswerBytes, limitUnreadBytes, limitStuckSend,
		limitProbes, limitUnknownMethods,
	}
}

// excesses counts who was refused, and logs each kind once in a while: a client that is refused
// comes again and again.
type excesses struct {
	log     *slog.Logger
	metrics *metrics.XDS
	now     func() time.Time

	mu   sync.Mutex
	kind map[string]*met
}

type met struct {
	count  uint64
	last   time.Time
	from   string
	text   string
	remedy string
	logged time.Time
	silent int // since it was logged
}

// logEvery is how often one kind of refusal is logged at most.
const logEvery = time.Minute

func newExcesses(log *slog.Logger, m *metrics.XDS) *excesses {
	r := &excesses{log: log, metrics: m, now: time.Now, kind: map[string]*met{}}
	for _, limit := range allLimits() {
		r.kind[limit] = &met{}
	}
	return r
}

// count says that somebody at the address met a limit.
func (r *excesses) count(limit, from, text, remedy string) {
	r.metrics.Refused(limit)
	now := r.now()
	r.mu.Lock()
	k := r.kind[limit]
	k.count++
	k.last, k.from, k.text, k.remedy = now, from, sane(text), remedy
	say, silent := now.Sub(k.logged) >= logEvery, k.silent
	if say {
		k.logged, k.silent = now, 0
	} else {
		k.silent++
	}
	r.mu.Unlock()
	if say {
		r.log.Warn("client refused", "limit", limit, "peer", from, "error", sane(text), "repeats", silent, "remedy", remedy)
	}
}

// of counts an error that is a refusal, and says so; another one is none of its business.
func (r *excesses) of(err error, from string) bool {
	e := new(excess)
	if !errors.As(err, &e) {
		return false
	}
	r.count(e.limit, from, e.text, e.remedy)
	return true
}

// Refused is how often clients met one of the limits.
type Refused struct {
	Limit string    `json:"limit"`
	Count uint64    `json:"count"` // since the start
	Last  time.Time `json:"last,omitzero"`
	From  string    `json:"from,omitempty"` // the last one's address
	// Detail and Remedy are what was said of the last one.
	Detail string `json:"detail,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// Refused says how often clients met each limit since the start.
func (s *Server) Refused() []Refused {
	r := s.excesses
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Refused
	for _, limit := range allLimits() {
		k := r.kind[limit]
		out = append(out, Refused{Limit: limit, Count: k.count, Last: k.last, From: k.from, Detail: k.text, Remedy: k.remedy})
	}
	return out
}

func excessf(limit string, code codes.Code, retry time.Duration, remedy, format string, args ...any) *excess {
	return &excess{limit: limit, code: code, retry: retry, remedy: remedy, text: fmt.Sprintf(format, args...)}
}
