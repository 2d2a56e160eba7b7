package xdsserver

import (
	"encoding/binary"

	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// reel is a stream's messages as gRPC has them on the wire, without a wire.
type reel struct {
	next func() ([]byte, error) // waits for a message
	rest []byte                 // of the present one
	end  func()                 // ends the stream; nil: nothing does
}

func (*reel) Method() string               { return "" }
func (*reel) SetHeader(metadata.MD) error  { return nil }
func (*reel) SendHeader(metadata.MD) error { return nil }
func (*reel) SetTrailer(metadata.MD) error { return nil }
func (*reel) RecvCompress() string         { return "" }

func (r *reel) WriteStatus(*status.Status) error {
	if r.end != nil {
		r.end()
	}
	return nil
}

func (r *reel) ReadMessageHeader(header []byte) (err error) {
	if r.rest, err = r.next(); err == nil {
		header[0] = 0
		binary.BigEndian.PutUint32(header[1:], uint32(len(r.rest)))
	}
	return err
}

func (r *reel) Read(n int) (mem.BufferSlice, error) {
	part := r.rest[:n]
	r.rest = r.rest[n:]
	return mem.BufferSlice{mem.SliceBuffer(part)}, nil
}
