package xdsserver

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"legate/internal/xdstest"
	"legate/metrics"
	"legate/translate"
)

// tape is a stream whose client says what is on it, and then goes away.
type tape struct {
	t     *testing.T
	ctx   context.Context
	codec encoding.CodecV2
	reply func() proto.Message
}

// spool is the requests of a tape: a byte with the length of one, that request, and so on.
func spool(said []byte) *reel {
	return &reel{next: func() ([]byte, error) {
		if len(said) == 0 {
			return nil, io.EOF
		}
		size := min(int(said[0]), len(said)-1)
		request := said[1 : 1+size]
		said = said[1+size:]
		return request, nil
	}}
}

func (tape) SetHeader(metadata.MD) error  { return nil }
func (tape) SendHeader(metadata.MD) error { return nil }
func (tape) SetTrailer(metadata.MD)       {}
func (p *tape) Context() context.Context  { return p.ctx }

// RecvMsg is of no use: what is on a tape is read bit by bit.
func (p *tape) RecvMsg(any) error { return io.EOF }

func (p *tape) SendMsg(m any) error {
	data, err := p.codec.Marshal(m)
	if err == nil {
		err = proto.Unmarshal(data.Materialize(), p.reply())
		data.Free() // it was taken in
	}
	if err != nil {
		p.t.Errorf("a response that no client can read: %v", err)
	}
	return nil
}

func record(requests ...proto.Message) []byte {
	var out []byte
	for _, m := range requests {
		b, err := proto.Marshal(m)
		if err != nil {
			panic(err) // of a literal
		}
		out = append(append(out, byte(len(b))), b...)
	}
	return out
}

func fuzzed(t *testing.T) *Server {
	s, err := New(DefaultConfig(), slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug})), metrics.New(metrics.BuildInfo{}).XDS)
	if err != nil {
		t.Fatal(err)
	}
	s.Publish(own, translate.Batch{Set: append(service("web", 1), append(service("db", 1), xdstest.Secret("ca", 1), xdstest.Secret("key", 1))...)})
	return s
}

// FuzzRequests: whatever a client says, each response can be read, the stream ends when the
// client goes, and nothing of it is left.
func FuzzRequests(f *testing.F) {
	node := &corev3.Node{Id: "edge", UserAgentName: "envoy"}
	f.Add(false, record(
		&discoveryv3.DiscoveryRequest{Node: node, TypeUrl: cds},
		&discoveryv3.DiscoveryRequest{TypeUrl: cds, ResponseNonce: "1", VersionInfo: "x"},
		&discoveryv3.DiscoveryRequest{TypeUrl: eds, ResourceNames: []string{"web", "*", "ghost"}},
		&discoveryv3.DiscoveryRequest{TypeUrl: eds, ResourceNames: []string{"web"}, ResponseNonce: "2"},
	))
	f.Add(true, record(
		&discoveryv3.DeltaDiscoveryRequest{Node: node, TypeUrl: cds, InitialResourceVersions: map[string]string{"web": "v1", "gone": "v0"}},
		&discoveryv3.DeltaDiscoveryRequest{TypeUrl: cds, ResourceNamesUnsubscribe: []string{"*", "web"}},
		&discoveryv3.DeltaDiscoveryRequest{TypeUrl: eds, ResourceNamesSubscribe: []string{"web", "ghost", ""}, ResponseNonce: "9"},
	))
	f.Add(true, []byte{0, 255, 1})
	f.Fuzz(func(t *testing.T, incremental bool, said []byte) {
		s := fuzzed(t)
		p := &tape{t: t, ctx: grpc.NewContextWithServerTransportStream(t.Context(), spool(said)), codec: newCodec()}
		err := s.interceptor.intercept(nil, p, nil, func(_ any, stream grpc.ServerStream) error {
			if incremental {
				p.reply = func() proto.Message { return &discoveryv3.DeltaDiscoveryResponse{} }
				return s.xds.DeltaAggregatedResources(&grpc.GenericServerStream[discoveryv3.DeltaDiscoveryRequest, discoveryv3.DeltaDiscoveryResponse]{ServerStream: stream})
			}
			p.reply = func() proto.Message { return &discoveryv3.DiscoveryResponse{} }
			return s.xds.StreamAggregatedResources(&grpc.GenericServerStream[discoveryv3.DiscoveryRequest, discoveryv3.DiscoveryResponse]{ServerStream: stream})
		})
		if status.Code(err).String() == "Internal" {
			t.Errorf("ended with %v", err)
		}
		usage := s.admission.Usage()
		if n := len(s.Streams()); n != 0 || s.Views()[0].Streams != 0 || usage.Streams+usage.Nodes != 0 {
			t.Errorf("something is left of the stream: %d streams, %d open, %d nodes", n, usage.Streams, usage.Nodes)
		}
		for _, table := range s.stores[own].tables {
			if held := s.Memory().Held; held != 0 {
				t.Errorf("%d bytes are held", held)
			}
			if len(table.entries) != 2 {
				t.Errorf("%d names are left in the table of %s, two are Consul's", len(table.entries), table.typeURL)
			}
		}
	})
}

// FuzzREST: whatever is posted, the answer is one of those that there are.
func FuzzREST(f *testing.F) {
	f.Add(`{}`)
	f.Add(`{"version_info":"x","node":{"id":"edge","metadata":{"a":[1,null]}},"resource_names":["web","ghost","web"]}`)
	f.Add(`{"typeUrl":"type.googleapis.com/other"}`)
	f.Add(`{"error_detail":{"details":[{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}]}}`)
	f.Add(`nonsense`)
	f.Fuzz(func(t *testing.T, body string) {
		h := fuzzed(t).restServer().Handler
		for _, path := range []string{"/v3/discovery:clusters", "/v3/discovery:endpoints", "/v3/discovery:secrets"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
			switch w.Code {
			case http.StatusOK, http.StatusNotModified, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusNotImplemented:
			default:
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
	})
}
