package xdsserver

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"

	"legate/xdsserver/admission"
)

// gRPC by itself receives a whole message before it calls anybody, however long that takes: 300 streams that never send
// their last byte hold 300 messages. So requests are read here, while they arrive. A request beyond a limit is refused
// as soon as that is known, its memory is counted, and a message that has begun has to end in time.

// transportStream is what gRPC has of a stream on the wire.
type transportStream interface {
	grpc.ServerTransportStream
	// ReadMessageHeader waits for what stands before a message, Read for so many bytes of it, which
	// the client is let send.
	ReadMessageHeader(header []byte) error
	Read(n int) (mem.BufferSlice, error)
	// RecvCompress is the compression that the client's headers name.
	RecvCompress() string
	// WriteStatus ends the stream.
	WriteStatus(s *status.Status) error
}

const (
	// piece is how many bytes of a message a client may send at a time, until it has sent larger
	// messages. A message that is no larger is counted with its stream.
	piece = 16 << 10
	// firstBytes is how large a stream's first message may be, beside its node and the names that
	// there are.
	firstBytes = 2 << 20
	// unpaced is how many bytes of a message a client may send as fast as it can, if it has not sent a larger one
	// to its end (see Limits.UnprovenBytes). An Envoy has less to say at first.
	unpaced = 128 << 10
	// expansion is how much memory a request takes while it is read and worked on, for each byte.
	expansion = 3
	// maxPooled is how large a buffer for messages may be that is kept for others.
	maxPooled = 256 << 10
)

// inbox receives the requests of a stream.
type inbox struct {
	wire     transportStream
	finished int // bytes of the largest message that came to its end
	timer    *time.Timer

	mu      sync.Mutex
	charged int  // bytes that are counted for the present request
	late    bool // it took too long
	closed  bool // nothing is counted any more
}

// transportOf is what gRPC has of a stream.
func transportOf(ctx context.Context) (transportStream, error) {
	if t, ok := grpc.ServerTransportStreamFromContext(ctx).(transportStream); ok {
		return t, nil
	}
	return nil, status.Error(codes.Internal, "this version of gRPC has no streams that can be read bit by bit")
}

// receive waits for a message and returns its bytes, which are to be reused. One that came in pieces
// is within the limits that seen knows.
func (l *limitedStream) receive(seen *scanner) (*[]byte, error) {
	in := &l.inbox
	_ = l.charge(0) // the last one is done with, and giving back never fails
	var header [messageHeader]byte
	if err := in.wire.ReadMessageHeader(header[:]); err != nil {
		return nil, l.brokenOff(err)
	}
	size := int(binary.BigEndian.Uint32(header[1:]))
	if most := l.largest(); size > most {
		return nil, tooLarge(size, most)
	}
	if in.timer == nil {
		in.timer = time.AfterFunc(l.within.limits.MessageTime, l.tooSlow)
	} else {
		in.timer.Reset(l.within.limits.MessageTime)
	}
	defer in.timer.Stop()
	from, err := unpacked(&arriving{wire: in.wire, left: size}, header[0], in.wire.RecvCompress())
	if err != nil {
		return nil, l.brokenOff(err)
	}
	message := l.within.buffer()
	step := piece // of one that is compressed
	if header[0] == 0 {
		step = min(max(piece, in.finished), size)
	}
	*message, err = l.readAll((*message)[:0], from, step, seen)
	if err != nil {
		l.within.reuse(message)
		return nil, err
	}
	in.finished = max(in.finished, len(*message))
	return message, nil
}

// readAll appends a message. Each piece is looked at before there is room for the next one.
func (l *limitedStream) readAll(b []byte, from io.Reader, step int, seen *scanner) ([]byte, error) {
	most := l.largest()
	for {
		if err := l.charge(len(b) + step); err != nil {
			return b, err
		}
		l.admitted.AwaitUnproven(l.ctx, min(step, len(b)+step-max(unpaced, l.inbox.finished)))
		b = slices.Grow(b, step)
		n, err := from.Read(b[len(b) : len(b)+step])
		b = b[:len(b)+n]
		if len(b) > most { // as it may be when it was compressed
			return b, tooLarge(len(b), most)
		}
		switch {
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return b, l.brokenOff(err)
		}
		if refused := seen.advance(b); refused != nil {
			return b, refused
		}
	}
}

// arriving reads the bytes of one message.
type arriving struct {
	wire transportStream
	left int
}

// Read waits for as many bytes as there is room for, or as are left.
func (a *arriving) Read(b []byte) (int, error) {
	n := min(len(b), a.left)
	if n == 0 && a.left > 0 {
		return 0, nil
	}
	if n > 0 {
		data, err := a.wire.Read(n)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return 0, err
		}
		data.CopyTo(b)
		data.Free()
	}
	if a.left -= n; a.left == 0 {
		return n, io.EOF
	}
	return n, nil
}

// unpacked reads a message that may be compressed, as the first byte of its header tells.
func unpacked(body io.Reader, compressed byte, with string) (io.Reader, error) {
	if compressed == 0 {
		return body, nil
	}
	if by := encoding.GetCompressor(with); by != nil && with != encoding.Identity {
		return by.Decompress(body)
	}
	return nil, status.Error(codes.InvalidArgument, "a message is said to be compressed, and the headers do not say with what")
}

// largest is how many bytes the next message may have: at first what a client may have to say, then
// twice what it has said. What it can have to say depends on how many names there are, and is not
// known before they are.
func (l *limitedStream) largest() int {
	first := int(l.within.first.Load())
	if first == 0 {
		return l.within.largest
	}
	return min(l.within.largest, max(first, 2*l.inbox.finished))
}

func tooLarge(size, most int) error {
	return admission.Refuse(admission.LimitMessageBytes, codes.ResourceExhausted, 0, "look what this client sends; raise xds.max_message_bytes if that is what it must have",
		"the message has %d bytes, the most is %d (what there is to be named, and twice what was sent before, up to xds.max_message_bytes)", size, most)
}

// charge counts so many bytes for the present request, and none for one that is done with. Few bytes
// are counted with the stream.
func (l *limitedStream) charge(bytes int) error {
	in := &l.inbox
	in.mu.Lock()
	defer in.mu.Unlock()
	memory := max(0, bytes-piece) * expansion
	if in.closed || memory == in.charged {
		return nil
	}
	if memory < in.charged {
		l.within.budget.Give(l.admitted.Share(), admission.HeldRequests, in.charged-memory)
	} else if err := l.within.budget.Take(l.admitted.Share(), admission.HeldRequests, memory-in.charged); err != nil {
		return err
	}
	in.charged = memory
	return nil
}

// close counts out what is held for the stream.
func (l *limitedStream) close() {
	l.intake.end()
	_ = l.charge(0) // giving does not fail
	l.inbox.mu.Lock()
	l.inbox.closed = true
	l.inbox.mu.Unlock()
}

// tooSlow ends a stream whose message does not come to its end.
func (l *limitedStream) tooSlow() {
	l.inbox.mu.Lock()
	l.inbox.late = true
	l.inbox.mu.Unlock()
	_ = l.inbox.wire.WriteStatus(slowMessage(l.within.limits.MessageTime).GRPCStatus()) // it may have ended
}

func slowMessage(limit time.Duration) *admission.Error {
	return admission.Refuse(admission.LimitMessageTime, codes.DeadlineExceeded, 0, "look whether that client hangs, or its network; or raise xds.message_time",
		"a message did not come to its end within %v; connect again", limit)
}

// brokenOff is why no message could be read.
func (l *limitedStream) brokenOff(err error) error {
	l.inbox.mu.Lock()
	late := l.inbox.late
	l.inbox.mu.Unlock()
	_, hasStatus := status.FromError(err)
	switch {
	case late:
		return slowMessage(l.within.limits.MessageTime)
	case l.admitted.IsStuck():
		return admission.ErrStuck
	case errors.Is(err, io.EOF), hasStatus:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return status.Error(codes.InvalidArgument, "the stream ended within a message")
	}
	return status.Errorf(codes.InvalidArgument, "the message cannot be read: %v", err)
}

// buffer is one for a message. Pass it to reuse.
func (i *interceptor) buffer() *[]byte {
	if used, ok := i.buffers.Get().(*[]byte); ok {
		return used
	}
	return new([]byte)
}

func (i *interceptor) reuse(b *[]byte) {
	if cap(*b) <= maxPooled {
		i.buffers.Put(b)
	}
}

// named says how many bytes the names have that there are, and how many names: what a client can have to say of
// them in its first message is each name twice, and its version.
func (i *interceptor) named(bytes, names int) {
	const beside = 64 // bytes of the version, and what surrounds it
	first := int64(i.limits.NodeBytes + firstBytes + 2*bytes + beside*names)
	if first > i.first.Load() { // clients may still have what there is no more
		i.first.Store(first)
	}
}
