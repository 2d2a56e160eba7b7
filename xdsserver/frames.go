package xdsserver

import (
	"encoding/binary"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
)

// Some HTTP/2 frames carry nothing, and cost who receives them much more than who sends them: SETTINGS
// again and again, DATA without data, WINDOW_UPDATE for what was never sent. A client sends a few of
// them, and one that sends thousands wants nothing else.

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
	// preface is how long what a client says first is.
	preface = 24
	// frameHeader is how long a frame is, beside its payload.
	frameHeader = 9
	// tiny is how many bytes of data are next to nothing: what stands before a message has five.
	tiny = 8
	// perUpdate is for how many bytes that were sent a client may open the window once.
	perUpdate = 256
	// burst is how many seconds' worth of frames with nothing in them may come at once.
	burst = 10
)

// frames counts the frames of a connection that carry nothing. It belongs to who reads.
type frames struct {
	header  [frameHeader]byte
	have    int // bytes of a header
	skip    int // bytes until the next one
	began   bool
	resets  int // streams that may be reset: those that were opened
	updates int // bytes that were sent, and for which no window was opened
	wasTiny bool
}

// count goes through the bytes that come next, and returns how many such frames begin in them. So many
// bytes were sent meanwhile.
func (f *frames) count(b []byte, sent int) (empty int) {
	if !f.began {
		f.began, f.skip = true, preface
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
		return flags&pingAnswers != 0 // gRPC counts the others
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

// emptyFrames is how many of them a connection may have.
func emptyFrames(limits Limits) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(limits.EmptyFrames), burst*limits.EmptyFrames)
}

// Read counts the frames that carry nothing. A connection with too many is closed.
func (o *overheard) Read(b []byte) (int, error) {
	n, err := o.Conn.Read(b)
	empty := o.frames.count(b[:n], int(o.sent.Swap(0)))
	if empty == 0 || o.empty.AllowN(time.Now(), empty) {
		return n, err
	}
	refused := excessf(limitEmptyFrames, codes.ResourceExhausted, 0, lookAtClient+", or raise xds.empty_frames_per_second",
		"too many HTTP/2 frames with nothing in them (SETTINGS, DATA without data, and the like); the connection is closed")
	o.excesses.of(refused, o.RemoteAddr().String())
	_ = o.Close() // it is of no use
	return 0, refused
}
