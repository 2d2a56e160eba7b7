package xdsserver

import (
	"context"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"legate/xdsserver/admission"
)

// interceptor has every stream admitted, and serves it as a limitedStream. It has what these share.
type interceptor struct {
	admission   *admission.Limiter
	budget      *admission.Budget
	limits      admission.Limits
	largest     int    // bytes of a message
	names       int    // that a stream may want of a type
	nodeChanged func() // called when a client names another node than in its first request

	marks   sync.Pool
	buffers sync.Pool    // of *[]byte, for messages
	first   atomic.Int64 // bytes that a stream's first message may have; 0: not known yet
}

// intercept has a stream admitted and serves it within the limits.
func (i *interceptor) intercept(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	ctx := stream.Context()
	uncompressed(ctx)
	wire, err := transportOf(ctx)
	if err != nil {
		return err
	}
	admitted := i.admission.NewStream(ctx)
	if asksForHealth(info) {
		err = admitted.AdmitProbe()
	} else {
		err = admitted.Admit(ctx)
	}
	if err == nil {
		l := &limitedStream{
			ServerStream: stream, within: i, admitted: admitted,
			intake: intake{took: make(chan struct{}, 1), marks: &i.marks},
			inbox:  inbox{wire: wire},
		}
		l.intake.of, l.ctx = l, context.WithValue(ctx, limitedStreamKey{}, l)
		err = next(srv, l)
		l.close()
		admitted.Release()
	}
	return admitted.End(ctx, err)
}

// asksForHealth reports whether a stream is a unary health check.
func asksForHealth(info *grpc.StreamServerInfo) bool {
	return info != nil && (info.FullMethod == healthpb.Health_Check_FullMethodName || info.FullMethod == healthpb.Health_List_FullMethodName)
}

// uncompressed turns off compression of what is sent to a client that compresses its requests: responses are shared by
// all streams as they are.
func uncompressed(ctx context.Context) {
	if s, ok := grpc.ServerTransportStreamFromContext(ctx).(interface{ RecvCompress() string }); ok && s.RecvCompress() != "" {
		_ = grpc.SetSendCompressor(ctx, encoding.Identity) // it was not sent anything yet
	}
}
