package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"legate/internal/parts"
)

// grpcAndHTTP2: calls, streams and failures of gRPC pass; a server that speaks HTTP/2 alone is reached.
// Without the field protocol, Envoy speaks HTTP/1.1 to both, and gets no answer.
func grpcAndHTTP2() policyStory {
	return policyStory{
		name:     "gRPC and HTTP/2",
		services: []string{"echo", "modern"},
		rules: fixed(`
- match: {names: [echo]}
  protocol: grpc
- match: {names: [modern]}
  protocol: http2
`),
		register: func(t *testing.T, s *stage) {
			s.registerAt(t, "echo", "echo-1", startEcho(t))
			s.registerServer(t, "modern", "modern-1", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }, func(server *httptest.Server) {
				server.Config.Protocols = new(http.Protocols)
				server.Config.Protocols.SetUnencryptedHTTP2(true)
			})
		},
		show: func(t *testing.T, s *stage) {
			e := s.envoys[0]
			eventually(t, func() error { return e.answers("modern", "HTTP/2.0") })

			client := grpc_testing.NewTestServiceClient(dial(t, e.ports["echo"]))
			eventually(t, func() error { return echoes(t.Context(), client) })
			if err := e.reaches(t, "cluster.echo.upstream_cx_http2_total", 1); err != nil {
				t.Error(err)
			}
		},
	}
}

// dial makes a client for gRPC on a port of 127.0.0.1.
func dial(t *testing.T, port int) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+parts.Loopback(port), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// echoes returns an error unless a call, a stream and a failure pass.
func echoes(ctx context.Context, client grpc_testing.TestServiceClient) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	said, err := client.UnaryCall(ctx, &grpc_testing.SimpleRequest{Payload: &grpc_testing.Payload{Body: []byte("hello")}})
	if err != nil || string(said.GetPayload().GetBody()) != "hello" {
		return fmt.Errorf("the echo is %q: %w", said.GetPayload().GetBody(), err)
	}
	if _, err := client.EmptyCall(ctx, &grpc_testing.Empty{}); status.Code(err) != codes.ResourceExhausted {
		return fmt.Errorf("a failure arrives otherwise than it was sent: %w", err)
	}
	stream, err := client.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	for i := range 3 {
		if err := stream.Send(&grpc_testing.StreamingOutputCallRequest{Payload: &grpc_testing.Payload{Body: []byte{byte(i)}}}); err != nil {
			return err
		}
		back, err := stream.Recv()
		if err != nil || len(back.Payload.Body) != 1 || back.Payload.Body[0] != byte(i) {
			return fmt.Errorf("message %d comes back as %v: %w", i, back, err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the stream ends with %w", err)
	}
	return nil
}

// startEcho starts a gRPC server that sends back what it gets, and returns its address.
func startEcho(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, done := grpc.NewServer(), make(chan error)
	grpc_testing.RegisterTestServiceServer(server, echo{})
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

type echo struct {
	grpc_testing.UnimplementedTestServiceServer
}

func (echo) UnaryCall(_ context.Context, r *grpc_testing.SimpleRequest) (*grpc_testing.SimpleResponse, error) {
	return &grpc_testing.SimpleResponse{Payload: r.Payload}, nil
}

// EmptyCall fails. The code is in the trailers, which HTTP/1.1 would lose.
func (echo) EmptyCall(context.Context, *grpc_testing.Empty) (*grpc_testing.Empty, error) {
	return nil, status.Error(codes.ResourceExhausted, "always")
}

func (echo) FullDuplexCall(stream grpc.BidiStreamingServer[grpc_testing.StreamingOutputCallRequest, grpc_testing.StreamingOutputCallResponse]) error {
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&grpc_testing.StreamingOutputCallResponse{Payload: r.Payload}); err != nil {
			return err
		}
	}
}
