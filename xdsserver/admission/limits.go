package admission

import (
	"errors"
	"fmt"
	"time"
)

// Limits bound what clients may take. The defaults suit a fleet of thousands, also behind one address. An IPv6 network
// of 64 bits counts as one address. docs/limits.md has all limits in one table.
type Limits struct {
	// Connections bounds open connections, over gRPC and REST together, ConnectionsPerAddress those of one address.
	// Further ones are closed at once.
	Connections           int
	ConnectionsPerAddress int
	// RESTConnections bounds those of Connections that are over REST. A further one replaces the one that has been
	// silent for longest.
	RESTConnections int
	// Streams bounds open streams, StreamsPerAddress those of one address, StreamsPerNode those with one node id from
	// one identity: the client certificate's name, or the address without certificates. Further ones are refused.
	Streams           int
	StreamsPerAddress int
	StreamsPerNode    int
	// StreamsPerConnection is announced to each client (SETTINGS_MAX_CONCURRENT_STREAMS). A client that exceeds it is
	// disconnected.
	StreamsPerConnection int
	// NewStreams is the rate of new streams, a second, NewStreamsBurst its burst; an address has half of both. A new
	// stream waits for NewStreamWait at most, and is then refused, with the time after which to try again.
	NewStreams      int
	NewStreamsBurst int
	NewStreamWait   time.Duration
	// RefusedStreams is how many refused streams a connection may have within NewStreamWait. With more it is closed.
	// While other streams on it are served, its refusals are delayed by NewStreamWait instead, and it is closed only
	// if its client resets as many streams rather than wait. An address may have ten times as many refused streams,
	// then up to 500 of its refusals are delayed.
	RefusedStreams int
	// Returns is the rate of new connections, a second, of an address that had a connection closed for refused
	// streams less than a minute ago.
	Returns int
	// NodeBytes bounds a client's node message, NodeIDBytes the id in it.
	NodeBytes   int
	NodeIDBytes int
	// BodyBytes bounds a request over REST, compressed and uncompressed.
	BodyBytes int
	// Fetches is how many unary requests, over REST and gRPC, are answered at the same time. Further ones wait for
	// NewStreamWait at most, and are then refused.
	Fetches int
	// AnswerBytes bounds the answer to a unary request, UnreadBytes all such answers that are not read yet; an address
	// may have half of these.
	AnswerBytes int
	UnreadBytes int
	// MessageTime is how long a message over gRPC may take from its first byte to its last.
	MessageTime time.Duration
	// UnprovenBytes is the rate, in bytes a second, at which an address may send the parts of messages that are beyond
	// 128 KiB and beyond the largest message that their stream has completed: such a message may never end. All
	// addresses together may send twice as many. Further bytes wait.
	UnprovenBytes int
	// MemoryBytes bounds what is held for all clients together, whatever for. An address may have half of it. It is half
	// of the memory budget of the whole program.
	MemoryBytes int
	// NameBytes bounds the memory for names that a stream asks for and Consul does not have.
	NameBytes int
	// FreshNames is the rate of names, a second, that a stream asks for first of all and Consul does not have. Its
	// burst is as many names as a stream may ask for of one type. An address may have four times as many, all addresses
	// together sixteen times. A stream that exceeds it gets changes, but its requests wait.
	FreshNames int
	// NameChanges is the rate of names, a second, that a stream begins or ceases to ask for. Its burst is four times as
	// many names as a stream may ask for of one type. An address may have 200 times as many, all addresses together 400
	// times. A stream that exceeds it gets changes, but its requests wait. If it would have to wait for longer than
	// NewStreamWait for itself alone, it ends.
	NameChanges int
	// EmptyFrames is the rate of HTTP/2 frames without content, a second, on one connection. Its burst is ten times as
	// many. With more the connection is closed.
	EmptyFrames int
	// Probes is the rate at which an address may ask the gRPC health service, a second.
	Probes int
	// StuckSend is how long a client may read nothing of what it is sent before its stream ends.
	StuckSend time.Duration
	// HalfOpen is how long a client may take to connect: TLS and the HTTP/2 preface.
	HalfOpen time.Duration
	// IdleConnection is how long a connection may have no stream.
	IdleConnection time.Duration
	// ConnectionAge is when a client is asked to connect again, plus or minus a tenth, so that replicas balance.
	// ConnectionGrace later its old connection is closed.
	ConnectionAge   time.Duration
	ConnectionGrace time.Duration
}

// DefaultLimits returns limits for thousands of clients, none of which can take everything.
func DefaultLimits() Limits {
	return Limits{
		Connections:           5000,
		ConnectionsPerAddress: 2500,
		RESTConnections:       2500,
		Streams:               5000,
		StreamsPerAddress:     2500,
		StreamsPerNode:        500,
		StreamsPerConnection:  128,
		NewStreams:            100,
		NewStreamsBurst:       2000,
		NewStreamWait:         5 * time.Second,
		RefusedStreams:        10,
		Returns:               10,
		NodeBytes:             512 << 10,
		NodeIDBytes:           256,
		BodyBytes:             1 << 20,
		Fetches:               64,
		AnswerBytes:           64 << 20,
		UnreadBytes:           256 << 20,
		MessageTime:           30 * time.Second,
		UnprovenBytes:         32 << 20,
		MemoryBytes:           512 << 20,
		NameBytes:             8 << 20,
		FreshNames:            1000,
		NameChanges:           5000,
		EmptyFrames:           100,
		Probes:                50,
		StuckSend:             30 * time.Second,
		HalfOpen:              10 * time.Second,
		IdleConnection:        5 * time.Minute,
		ConnectionAge:         30 * time.Minute,
		ConnectionGrace:       10 * time.Second,
	}
}

// Validate returns all mistakes in the limits, joined.
func (l Limits) Validate() error {
	var errs []error
	for _, n := range []struct {
		value int
		what  string
	}{
		{l.Connections, "connections"}, {l.ConnectionsPerAddress, "connections of an address"}, {l.RESTConnections, "connections over REST"},
		{l.Streams, "streams"}, {l.StreamsPerAddress, "streams of an address"}, {l.StreamsPerNode, "streams of a node"},
		{l.StreamsPerConnection, "streams of a connection"},
		{l.NewStreams, "new streams a second"}, {l.NewStreamsBurst, "new streams at once"},
		{l.RefusedStreams, "refused streams of a connection"}, {l.Returns, "connections that return a second"},
		{l.NodeBytes, "bytes of a node"}, {l.NodeIDBytes, "bytes of a node id"},
		{l.BodyBytes, "bytes of a REST request"}, {l.Fetches, "single requests at once"},
		{l.AnswerBytes, "bytes of an answer"}, {l.MemoryBytes, "bytes of memory for clients"},
		{l.NameBytes, "bytes of a stream's names"}, {l.FreshNames, "new names a second"}, {l.NameChanges, "changes of names a second"},
		{l.UnreadBytes, "bytes of unread answers"}, {l.EmptyFrames, "empty frames a second"}, {l.UnprovenBytes, "bytes of large first messages a second"}, {l.Probes, "health probes a second"},
	} {
		if n.value < 1 {
			errs = append(errs, fmt.Errorf("xds limit of %s: must be above zero", n.what))
		}
	}
	for _, d := range []struct {
		value time.Duration
		what  string
	}{
		{l.NewStreamWait, "wait for a new stream"}, {l.MessageTime, "time of a message"}, {l.StuckSend, "time of a stuck send"}, {l.HalfOpen, "time to connect"},
		{l.IdleConnection, "time of an idle connection"}, {l.ConnectionAge, "age of a connection"}, {l.ConnectionGrace, "grace of an old connection"},
	} {
		if d.value <= 0 {
			errs = append(errs, fmt.Errorf("xds limit of the %s: must be above zero", d.what))
		}
	}
	return errors.Join(errs...)
}
