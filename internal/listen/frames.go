package listen

import (
	"encoding/binary"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Some HTTP/2 frames carry nothing, and cost who receives them much more than who sends them: SETTINGS
// again and again, DATA without data, WINDOW_UPDATE for what was never sent. A client sends a few of
// them, and one that sends thousands wants nothing else.

// EmptyFrames bounds them.
type EmptyFrames struct {
	// PerSecond is how many a connection may send in the long run, and ten times as many at once.
	PerSecond int
	// Pings counts pings, too: for connections of a server that answers them without a limit.
	Pings bool
	// Refused hears of a connection that has sent too many and is closed for it. What it returns is what reading
	// returns from then on.
	Refused func(from net.Addr) error
}

// Limit is the connection within these bounds. One that does not begin as HTTP/2 has no frames and is read as it is.
// Its Read and its Write may be called at the same time, but each by one goroutine.
func (e EmptyFrames) Limit(conn net.Conn) net.Conn {
	return &framed{Conn: conn, bounds: e, pace: rate.NewLimiter(rate.Limit(e.PerSecond), framesBurst*e.PerSecond), frames: frames{pings: e.Pings}}
}

// framed is a connection of which frames are counted.
type framed struct {
	net.Conn
	bounds EmptyFrames
	pace   *rate.Limiter
	frames frames       // of who reads
	sent   atomic.Int64 // bytes, since it was read last
}

// Write counts what is sent: for that the client may open windows. A client of grpc-go opens the connection's window
// whenever it measures how fast something comes in, however little that is, so each write is worth two updates.
func (f *framed) Write(b []byte) (int, error) {
	f.sent.Add(int64(max(len(b), 2*perUpdate)))
	return f.Conn.Write(b)
}

// Read counts the frames that carry nothing. A connection with too many is closed.
func (f *framed) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	empty := f.frames.count(b[:n], int(f.sent.Swap(0)))
	if empty == 0 || f.pace.AllowN(time.Now(), empty) {
		return n, err
	}
	refused := f.bounds.Refused(f.RemoteAddr())
	_ = f.Close() // it is of no use
	return 0, refused
}

// The frames that are looked at (RFC 9113, section 6), and what their flags mean.
const (
	typeData         = 0x0
	typeHeaders      = 0x1
	typeReset        = 0x3
	typePing         = 0x6
	typeWindowUpdate = 0x8

	dataEnds, dataPadded, pingAnswers = 0x1, 0x8, 0x1
)

const (
	// preface is what a client says first.
	preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	// frameHeader is how long a frame is, beside its payload.
	frameHeader = 9
	// tiny is how many bytes of data are next to nothing: what stands before a message has five.
	tiny = 8
	// perUpdate is for how many bytes that were sent a client may open the window once.
	perUpdate = 256
	// framesBurst is how many seconds' worth of frames with nothing in them may come at once.
	framesBurst = 10
)

// frames counts the frames of a connection that carry nothing. It belongs to who reads.
type frames struct {
	header  [frameHeader]byte
	have    int  // bytes of a header
	skip    int  // bytes until the next one
	said    int  // bytes of the preface
	other   bool // it is not HTTP/2
	pings   bool // count, too
	resets  int  // streams that may be reset: those that were opened
	updates int  // bytes that were sent, and for which no window was opened
	wasTiny bool
}

// count goes through the bytes that come next, and returns how many such frames begin in them. So many
// bytes were sent meanwhile.
func (f *frames) count(b []byte, sent int) (empty int) {
	if n := min(len(preface)-f.said, len(b)); n > 0 {
		f.other = f.other || !strings.HasPrefix(preface[f.said:], string(b[:n]))
		f.said += n
		b = b[n:]
	}
	if f.other {
		return 0
	}
	f.updates += sent
	for len(b) > 0 {
		if f.skip > 0 {
			n := min(f.skip, len(b))
			f.skip -= n
			b = b[n:]
			continue
		}
		n := copy(f.header[f.have:], b)
		f.have += n
		b = b[n:]
		if f.have < frameHeader {
			return empty
		}
		f.have = 0
		length := int(binary.BigEndian.Uint32(f.header[:4]) >> 8)
		f.skip = length
		if f.isEmpty(f.header[3], f.header[4], length) {
			empty++
		}
	}
	return empty
}

// isEmpty reports whether a frame carries nothing.
func (f *frames) isEmpty(kind, flags byte, length int) bool {
	switch kind {
	case typeData:
		was := f.wasTiny
		f.wasTiny = length <= tiny && flags&dataEnds == 0
		return flags&dataPadded != 0 || f.wasTiny && (length == 0 || was)
	case typeHeaders:
		f.resets++
		return false
	case typeReset:
		f.resets--
		if f.resets < 0 {
			f.resets = 0
			return true
		}
		return false
	case typePing:
		return f.pings || flags&pingAnswers != 0
	case typeWindowUpdate:
		f.updates -= perUpdate
		if f.updates < 0 {
			f.updates = 0
			return true
		}
		return false
	}
	return true // SETTINGS, and what no client of gRPC sends
}
