package admission

import (
	"errors"
	"fmt"
	"time"
)

// Limits bound what clients can take. The defaults leave a fleet of thousands alone, also behind
// one address; docs/limits.md has them in one table.
type Limits struct {
	// Connections is how many may be open, over gRPC and REST together; ConnectionsPerAddress how many
	// of them from one address (an IPv6 network of 64 bits counts as one). More are closed at once.
	Connections           int
	ConnectionsPerAddress int
	// RESTConnections is how many of Connections may be over REST. Where there is no room for a new
	// one, one that was silent for longest goes.
	RESTConnections int
	// Streams is how many may be open, StreamsPerAddress how many of them from one address,
	// StreamsPerNode how many of them with one node id from one identity: the client
	// certificate's, else the address. More are refused.
	Streams           int
	StreamsPerAddress int
	StreamsPerNode    int
	// StreamsPerConnection is what a client is told when it connects
	// (SETTINGS_MAX_CONCURRENT_STREAMS); it keeps more back by itself, or is cut off.
	StreamsPerConnection int
	// NewStreams is how many streams a second may be opened in the long run, and NewStreamsBurst
	// how many at once; one address has half of both. More wait, NewStreamWait at most, and are
	// then refused with the advice when to come again.
	NewStreams      int
	NewStreamsBurst int
	NewStreamWait   time.Duration
	// RefusedStreams is how many streams of a connection may be refused within NewStreamWait. Then
	// it is closed; while others of its streams are served, who is refused hears of it
	// NewStreamWait later instead, and it is closed only if as many of them do not wait. An address may
	// have ten times as many; then those of 500 of its streams hear of it later. Returns is how many connections a second are let in from an address that had one closed for that.
	RefusedStreams int
	Returns        int
	// NodeBytes bounds a client's node message, NodeIDBytes the id in it.
	NodeBytes   int
	NodeIDBytes int
	// BodyBytes bounds a request over REST, compressed and not. Fetches is how many single
	// requests, over REST and gRPC, are answered at once; more wait for NewStreamWait, and are then
	// refused. AnswerBytes bounds one answer, and UnreadBytes all that were made and not taken in
	// yet; an address has half of that.
	BodyBytes   int
	Fetches     int
	AnswerBytes int
	UnreadBytes int
	// MessageTime is how long a message over gRPC may take from its first byte to its last.
	MessageTime time.Duration
	// UnprovenBytes is how many bytes a second an address may send of messages that are larger than 128 KiB
	// and than any that their streams have sent to their end: it may be that they never end. All together
	// may send twice as many. A stream that has more to send sends it more slowly.
	UnprovenBytes int
	// MemoryBytes is how much memory clients may have the server hold, all of them together and
	// whatever it is for; an address has half of that.
	MemoryBytes int
	// NameBytes is how much of it a stream may take for names that nobody has. FreshNames is how
	// many of these it may think of, a second in the long run, and as many at once as it may want of
	// a type; an address may have four times as many, and all together sixteen times. A stream that
	// has more is not listened to for as long as it takes.
	NameBytes  int
	FreshNames int
	// NameChanges is how many names a second a stream may begin or cease to ask for in the long run, whether
	// there are such or not, and four times as many at once as it may want of a type. An address may have 200
	// times as many, all together 400 times. A stream that has more is not listened to for as long as it takes;
	// if it alone would have to wait for longer than NewStreamWait, it ends.
	NameChanges int
	// EmptyFrames is how many HTTP/2 frames that carry nothing a connection may send, a second in the
	// long run, and ten times as many at once. One with more is closed.
	EmptyFrames int
	// Probes is how often an address may ask the health service, a second.
	Probes int
	// StuckSend is how long a client may take in nothing of what is sent to it before its stream
	// is closed.
	StuckSend time.Duration
	// HalfOpen is how long a client may take to connect (TLS, HTTP/2 preface), IdleConnection how
	// long a connection may be open without a stream.
	HalfOpen       time.Duration
	IdleConnection time.Duration
	// ConnectionAge is when a client is asked to connect anew, so that replicas balance; it
	// differs from connection to connection by up to a tenth. ConnectionGrace later the
	// connection is closed.
	ConnectionAge   time.Duration
	ConnectionGrace time.Duration
}

// DefaultLimits serve thousands of clients and let no single one take all.
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

// Validate says what is wrong with the limits, all at once.
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
