package e2e_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
	"legate/xdsserver"
)

// An Envoy describes itself with all its extensions, and each release has more of them. The limits
// must allow four times the size of today's description, for metadata and for future releases.
func TestWhatARealEnvoySaysOfItselfIsFarBelowTheLimits(t *testing.T) {
	t.Parallel()
	config := xdsserver.DefaultConfig()
	for _, w := range []way{adsDelta, adsSotW, edsREST} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			l := &listener{first: make(chan said, 1)}
			partstest.Envoy(t, parts.EnvoyOptions{Early: true, Bootstrap: w.bootstrap(t, l.listen(t), map[string]int{"web": freePorts(t, 1)[0]})})
			select {
			case first := <-l.first:
				farBelow(t, "node", proto.Size(first.node), config.Limits.NodeBytes)
				farBelow(t, "node id", len(first.node.GetId()), config.Limits.NodeIDBytes)
				if w.mode == "rest" {
					farBelow(t, "request", first.bytes, config.Limits.BodyBytes)
				} else {
					farBelow(t, "request", first.bytes, config.MaxRequestBytes)
				}
			case <-time.After(patience):
				t.Fatal("Envoy asked for nothing")
			}
		})
	}
}

func farBelow(t *testing.T, what string, bytes, limit int) {
	t.Helper()
	t.Logf("%s: %d bytes of %d", what, bytes, limit)
	if bytes > limit/4 {
		t.Errorf("%s: %d bytes are more than a quarter of the limit, %d", what, bytes, limit)
	}
}

// listener receives requests of an Envoy over gRPC and REST, and answers nothing.
type listener struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	first chan said
}

// said is the first request: its size, and its node.
type said struct {
	bytes int
	node  *corev3.Node
}

var errHeard = errors.New("heard")

func (l *listener) listen(t testing.TB) *legate {
	t.Helper()
	local := func() net.Listener {
		at, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	xds, rest := local(), local()
	g := grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(g, l)
	var speaks http.Protocols // as in Legate
	speaks.SetHTTP1(true)
	speaks.SetUnencryptedHTTP2(true)
	h := &http.Server{Handler: l, Protocols: &speaks}
	go func() { _ = g.Serve(xds) }()  // until stopped
	go func() { _ = h.Serve(rest) }() // until closed
	t.Cleanup(func() { g.Stop(); h.Close() })
	return &legate{Legate: &parts.Legate{XDS: xds.Addr().String()}, rest: rest.Addr().String()}
}

func (l *listener) hear(bytes int, node *corev3.Node) error {
	select {
	case l.first <- said{bytes, node}:
	default: // only the first one counts
	}
	return errHeard
}

func (l *listener) StreamAggregatedResources(s discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	r, err := s.Recv()
	if err != nil {
		return err
	}
	return l.hear(proto.Size(r), r.GetNode())
}

func (l *listener) DeltaAggregatedResources(s discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	r, err := s.Recv()
	if err != nil {
		return err
	}
	return l.hear(proto.Size(r), r.GetNode())
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	asked := &discoveryv3.DiscoveryRequest{}
	if err == nil {
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(body, asked)
	}
	if err == nil {
		err = l.hear(len(body), asked.GetNode())
	}
	http.Error(w, err.Error(), http.StatusServiceUnavailable)
}
