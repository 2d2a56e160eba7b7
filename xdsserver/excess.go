package xdsserver

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"legate/internal/listen"
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
	limitNameChanges           = "name_changes"
)

// allLimits are all of them, in the order in which status shows them.
func allLimits() []string {
	return []string{
		limitConnections, limitConnectionsPerAddress, limitRESTConnections, limitHandshake, limitCertificate,
		limitStreams, limitStreamsPerAddress, limitStreamsPerNode, limitNewStreams, limitRefusedStreams, limitReturns, limitPings, limitEmptyFrames,
		limitMemory, limitMessageBytes, limitMessageTime, limitNodeBytes, limitNodeIDBytes, limitNames, limitNameBytes, limitNameChanges,
		limitBodyBytes, limitFetches, limitAnswerBytes, limitUnreadBytes, limitStuckSend,
		limitProbes, limitUnknownMethods,
	}
}

// excesses counts who was refused.
type excesses struct{ *listen.Refusals }

func newExcesses(log *slog.Logger, m *metrics.XDS) *excesses {
	return &excesses{listen.NewRefusals(log, "client refused", allLimits(), m.Refused)}
}

// count says that somebody at the address met a limit.
func (r *excesses) count(limit, from, text, remedy string) { r.Add(limit, from, sane(text), remedy) }

// of counts an error that is a refusal, and says so; another one is none of its business.
func (r *excesses) of(err error, from string) bool {
	e := new(excess)
	if !errors.As(err, &e) {
		return false
	}
	r.count(e.limit, from, e.text, e.remedy)
	return true
}

// Refused says how often clients met each limit since the start.
func (s *Server) Refused() []listen.Refused { return s.excesses.All() }

func excessf(limit string, code codes.Code, retry time.Duration, remedy, format string, args ...any) *excess {
	return &excess{limit: limit, code: code, retry: retry, remedy: remedy, text: fmt.Sprintf(format, args...)}
}
