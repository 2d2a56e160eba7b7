package admission

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
	"legate/internal/quote"
)

// Error is a limit error: it says which limit a client has reached, and when to try again.
type Error struct {
	Limit  string // its name in metrics and status
	Code   codes.Code
	Text   string        // for the client
	Remedy string        // for the operator
	Retry  time.Duration // how long the client has to wait; 0: trying again does not help
}

func (e *Error) Error() string { return e.Text }

// GRPCStatus is the status for the client, with google.rpc.RetryInfo if trying again helps.
func (e *Error) GRPCStatus() *status.Status {
	s := status.New(e.Code, e.Text)
	if e.Retry > 0 {
		if hinted, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(e.Retry)}); err == nil {
			return hinted
		}
	}
	return s
}

// The limits by their names in metrics and status.
const (
	LimitConnections           = "connections"
	LimitConnectionsPerAddress = "connections_per_address"
	LimitRESTConnections       = "rest_connections"
	LimitStreams               = "streams"
	LimitStreamsPerAddress     = "streams_per_address"
	LimitStreamsPerNode        = "streams_per_node"
	LimitNewStreams            = "new_streams"
	LimitMessageBytes          = "message_bytes"
	LimitNodeBytes             = "node_bytes"
	LimitNodeIDBytes           = "node_id_bytes"
	LimitNames                 = "names"
	LimitBodyBytes             = "body_bytes"
	LimitFetches               = "fetches"
	LimitAnswerBytes           = "answer_bytes"
	LimitUnreadBytes           = "unread_bytes"
	LimitProbes                = "probes"
	LimitUnknownMethods        = "unknown_methods"
	LimitStuckSend             = "stuck_send"
	LimitHandshake             = "handshake"
	LimitRefusedStreams        = "refused_streams"
	LimitReturns               = "returns"
	LimitPings                 = "pings"
	LimitCertificate           = "certificate"
	LimitEmptyFrames           = "empty_frames"
	LimitMemory                = "memory"
	LimitMessageTime           = "message_time"
	LimitNameBytes             = "name_bytes"
	LimitNameChanges           = "name_changes"
	LimitClientStatus          = "client_status"
)

// allLimits lists them in the order in which status shows them.
func allLimits() []string {
	return []string{
		LimitConnections, LimitConnectionsPerAddress, LimitRESTConnections, LimitHandshake, LimitCertificate,
		LimitStreams, LimitStreamsPerAddress, LimitStreamsPerNode, LimitNewStreams, LimitRefusedStreams, LimitReturns, LimitPings, LimitEmptyFrames,
		LimitMemory, LimitMessageBytes, LimitMessageTime, LimitNodeBytes, LimitNodeIDBytes, LimitNames, LimitNameBytes, LimitNameChanges,
		LimitBodyBytes, LimitFetches, LimitAnswerBytes, LimitUnreadBytes, LimitStuckSend,
		LimitProbes, LimitClientStatus, LimitUnknownMethods,
	}
}

// Refusals counts limit errors. Its methods may be called concurrently.
type Refusals struct{ *listen.Refusals }

// NewRefusals returns an empty count. counted is called with the limit of each error.
func NewRefusals(log *slog.Logger, counted func(limit string)) *Refusals {
	return &Refusals{listen.NewRefusals(log, "client refused", allLimits(), counted)}
}

// Count counts one client, at the address from, that has reached a limit.
func (r *Refusals) Count(limit, from, text, remedy string) {
	r.Add(limit, from, quote.Text(text, quote.TextBytes), remedy)
}

// Of counts err if it is an [Error], and reports whether it is.
func (r *Refusals) Of(err error, from string) bool {
	e := new(Error)
	if !errors.As(err, &e) {
		return false
	}
	r.Count(e.Limit, from, e.Text, e.Remedy)
	return true
}

// LookAtClient is the remedy if only the client can be at fault.
const LookAtClient = "look what this client does"

// Refuse returns a limit error with a formatted text.
func Refuse(limit string, code codes.Code, retry time.Duration, remedy, format string, args ...any) *Error {
	return &Error{Limit: limit, Code: code, Retry: retry, Remedy: remedy, Text: fmt.Sprintf(format, args...)}
}
