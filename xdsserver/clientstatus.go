package xdsserver

import (
	"context"
	"errors"
	"io"
	"time"

	statusv3 "github.com/envoyproxy/go-control-plane/envoy/service/status/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"legate/xdsserver/admission"
)

// The client status discovery service (CSDS, envoy.service.status.v3) tells tools which resources each client was sent and
// has acknowledged. An answer names nodes and addresses, so [Config.ClientStatus] says who gets one. It may take longer
// than anything else that a client can ask for, so one is made at a time, and a pause follows.

// Askers are the clients that may ask for the status of all clients.
type Askers string

// Who they are.
const (
	AskersLocal Askers = "local" // those on this machine: over loopback or a unix socket
	AskersAll   Askers = "all"   // whoever may connect
	AskersOff   Askers = "off"   // nobody
)

// statusService is CSDS.
func (s *Server) statusService() *grpc.ServiceDesc {
	d := asStreams(statusv3.ClientStatusDiscoveryService_ServiceDesc, func(grpc.MethodDesc) grpc.StreamHandler { return s.fetchClientStatus })
	for i := range d.Streams {
		if d.Streams[i].ClientStreams {
			d.Streams[i].Handler = s.streamClientStatus
		}
	}
	d.HandlerType = (*any)(nil)
	return d
}

func (s *Server) fetchClientStatus(_ any, stream grpc.ServerStream) error {
	l := limitedStreamOf(stream.Context())
	if err := s.mayAsk(l); err != nil {
		return err
	}
	r := &statusv3.ClientStatusRequest{}
	if err := l.RecvMsg(r); err != nil {
		return err
	}
	return s.answerClientStatus(l, r)
}

// streamClientStatus answers each request, until the client or Legate ends the stream.
func (s *Server) streamClientStatus(_ any, stream grpc.ServerStream) error {
	l := limitedStreamOf(stream.Context())
	if err := s.mayAsk(l); err != nil {
		return err
	}
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-s.stopping:
			_ = l.inbox.wire.WriteStatus(status.Convert(admission.ErrStopping)) // it may have ended
		case <-over:
		}
	}()
	for {
		r := &statusv3.ClientStatusRequest{}
		err := l.RecvMsg(r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.answerClientStatus(l, r); err != nil {
			return err
		}
	}
}

// mayAsk refuses clients that are not to know of each other.
func (s *Server) mayAsk(l *limitedStream) error {
	if s.config.ClientStatus == AskersAll || l.admitted.Peer().IsLocal {
		return nil
	}
	return admission.Refuse(admission.LimitClientStatus, codes.PermissionDenied, 0,
		"nothing, unless that client is to know all others; then set --xds-client-status all",
		"the status of all clients (CSDS) is told on Legate's own machine only: ask there, over loopback or a unix socket, or start Legate with --xds-client-status all")
}

// answerClientStatus makes an answer, and waits until the client has read it.
func (s *Server) answerClientStatus(l *limitedStream, r *statusv3.ClientStatusRequest) error {
	if err := checkNode(r.GetNode(), &s.config.Limits); err != nil {
		return err
	}
	which, err := matcherOf(r.GetNodeMatchers())
	if err != nil {
		return err
	}
	a := s.admission.NewAnswer(l.admitted.Address())
	defer a.Release()
	encoded, err := s.encodeClientStatus(l.Context(), a, which, !r.GetExcludeResourceContents())
	if err != nil {
		return err
	}
	if err := l.SendMsg(&frame{buffers: mem.BufferSlice{mem.SliceBuffer(encoded)}}); err != nil {
		return err
	}
	return l.taken(1)
}

// encodeClientStatus makes an answer when it is its turn.
func (s *Server) encodeClientStatus(ctx context.Context, a *admission.Answer, which nodeMatcher, contents bool) ([]byte, error) {
	if err := s.statusTurn.wait(ctx, s.config.Limits.NewStreamWait, s.stopping); err != nil {
		return nil, err
	}
	defer s.statusTurn.done(time.Now())
	m, err := s.clientStatus(a, which, contents)
	if err != nil {
		return nil, err
	}
	return proto.Marshal(m)
}

// turn lets one at a time do something that costs a lot, and lets nobody do it again before a pause.
type turn struct {
	place chan struct{}
}

// turnPause is how long the pause is, in terms of the time that was needed: nobody can have Legate spend more than a
// tenth of a core.
const turnPause = 9

func newTurn() *turn { return &turn{place: make(chan struct{}, 1)} }

// wait waits for its turn, so long at most. Call done if there is no error.
func (t *turn) wait(ctx context.Context, most time.Duration, stopping <-chan struct{}) error {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case t.place <- struct{}{}:
		return nil
	case <-timer.C:
		return admission.Refuse(admission.LimitClientStatus, codes.Unavailable, time.Second, "let those who ask for the status of clients name fewer nodes, or ask less often",
			"others are asking for the status of clients; come again later")
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-stopping:
		return admission.ErrStopping
	}
}

// done ends what began then.
func (t *turn) done(began time.Time) {
	time.AfterFunc(turnPause*time.Since(began), func() { <-t.place })
}
