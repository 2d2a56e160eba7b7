package xdsserver

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // which requests may be compressed with
	"google.golang.org/grpc/keepalive"

	"legate/xdsserver/admission"
)

// The HTTP/2 windows of what clients send. Being fixed, they spare a ping and its answer for each
// acknowledgement, by which gRPC would otherwise measure how large they should be: a third of
// what a change costs a stream. That of a stream is what a client can send while nobody reads; for a
// message that is read it is let send more, as much at a time as it has sent before.
const (
	streamWindow     = admission.StreamWindow
	connectionWindow = 4 << 20
)

// readBuffer is what each connection holds for reading, idle or not: gRPC shares such buffers only
// between plain TCP connections, and ours are counted or encrypted. Larger pieces are read past it.
const readBuffer = 4 << 10

// ServerOptions are those of the gRPC server that [Server.Run] starts, its codec and its limits
// excepted.
func (c Config) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connectionWindow),
		grpc.ReadBufferSize(readBuffer),
		// A tenth less, since pings that are sent at even intervals do not arrive so. gRPC forgives two.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: c.MinPing - c.MinPing/10, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time: c.KeepaliveTime, Timeout: c.KeepaliveTimeout,
			MaxConnectionIdle: c.Limits.IdleConnection,
			MaxConnectionAge:  c.Limits.ConnectionAge, MaxConnectionAgeGrace: c.Limits.ConnectionGrace,
		}),
		grpc.ConnectionTimeout(c.Limits.HalfOpen),
		grpc.MaxConcurrentStreams(uint32(c.Limits.StreamsPerConnection)),
		grpc.MaxHeaderListSize(maxHeaders),
	}
}

// maxHeaders bounds the headers of a stream, in bytes: Envoy sends some hundred.
const maxHeaders = 32 << 10

// limitOptions are those that put clients under the limits, and under TLS if it is on.
func (s *Server) limitOptions() []grpc.ServerOption {
	creds := insecure.NewCredentials()
	if s.config.TLS != nil {
		creds = credentials.NewTLS(s.config.TLS)
	}
	return []grpc.ServerOption{
		grpc.StreamInterceptor(s.interceptor.intercept),
		grpc.UnknownServiceHandler(unknownMethod),
		grpc.Creds(s.admission.Credentials(creds)),
	}
}
