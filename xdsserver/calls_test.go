package xdsserver

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	clusterservice "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	endpointservice "github.com/envoyproxy/go-control-plane/envoy/service/endpoint/v3"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"legate/internal/xdstest"
	"legate/xdsserver/admission"
)

// fetch is a single request over gRPC.
func (s *stage) fetch(typeURL string, r *discoveryv3.DiscoveryRequest, o ...grpc.CallOption) (*discoveryv3.DiscoveryResponse, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if typeURL == cds {
		return clusterservice.NewClusterDiscoveryServiceClient(s.conn).FetchClusters(ctx, r, o...)
	}
	return endpointservice.NewEndpointDiscoveryServiceClient(s.conn).FetchEndpoints(ctx, r, o...)
}

func TestSingleRequestsOverGRPCAreAnswered(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	_, err := s.fetch(cds, &discoveryv3.DiscoveryRequest{})
	wantStatus(t, err, "Unavailable", "Consul was not read")
	s.set(append(service("web", 1), service("db", 1)...)...)
	soon(t, "it is ready", func() bool { _, err := s.fetch(cds, &discoveryv3.DiscoveryRequest{}); return err == nil })

	all, err := s.fetch(cds, &discoveryv3.DiscoveryRequest{})
	if err != nil || len(all.GetResources()) != 2 || all.GetTypeUrl() != cds || all.GetVersionInfo() == "" {
		t.Fatalf("%v %v", all, err)
	}
	_, err = s.fetch(cds, &discoveryv3.DiscoveryRequest{VersionInfo: all.GetVersionInfo()})
	wantStatus(t, err, "FailedPrecondition", "unchanged")
	one, err := s.fetch(eds, &discoveryv3.DiscoveryRequest{ResourceNames: []string{"web", "ghost", "web"}})
	if err != nil || len(one.GetResources()) != 2 {
		t.Errorf("%v %v", one, err)
	}
	_, err = s.fetch(eds, &discoveryv3.DiscoveryRequest{TypeUrl: cds})
	wantStatus(t, err, "InvalidArgument", "serves")
}

func TestSingleRequestsOverGRPCMeetTheLimitsOfStreams(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) { c.Limits.StreamsPerAddress, c.Limits.RefusedStreams = 2, 1000 })
	s.set(service("web", 1)...)
	names := make([]string, s.config.MaxNames+1)
	for i := range names {
		names[i] = fmt.Sprint(i)
	}
	big, err := structpb.NewStruct(map[string]any{"x": strings.Repeat("x", s.config.Limits.NodeBytes)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		limit, code string
		request     *discoveryv3.DiscoveryRequest
	}{
		{admission.LimitNames, "ResourceExhausted", &discoveryv3.DiscoveryRequest{ResourceNames: names}},
		{admission.LimitNames, "InvalidArgument", &discoveryv3.DiscoveryRequest{ResourceNames: []string{strings.Repeat("x", 1025)}}},
		{admission.LimitNames, "InvalidArgument", &discoveryv3.DiscoveryRequest{TypeUrl: strings.Repeat("x", 257)}},
		{admission.LimitNodeBytes, "ResourceExhausted", &discoveryv3.DiscoveryRequest{Node: &corev3.Node{Metadata: big}}},
		{admission.LimitNodeIDBytes, "InvalidArgument", &discoveryv3.DiscoveryRequest{Node: &corev3.Node{Id: strings.Repeat("x", 257)}}},
		{admission.LimitMessageBytes, "ResourceExhausted", &discoveryv3.DiscoveryRequest{VersionInfo: strings.Repeat("x", 5<<20)}},
	} {
		before := s.met(c.limit)
		_, err := s.fetch(eds, c.request)
		wantStatus(t, err, c.code, "")
		soon(t, c.limit+" is counted", func() bool { return s.met(c.limit) == before+1 })
	}
	for i := range 2 {
		s.served(s.conn, fmt.Sprint("edge-", i))
	}
	_, err = s.fetch(cds, &discoveryv3.DiscoveryRequest{})
	wantStatus(t, err, "ResourceExhausted", "the most here")
	if n := s.met(admission.LimitStreamsPerAddress); n != 1 {
		t.Errorf("counted %d times", n)
	}
}

func TestCompressedRequestsAreTakenAndBoundedAfterwards(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(service("web", 1)...)
	compressed := grpc.UseCompressor("gzip")
	if m, err := s.fetch(cds, &discoveryv3.DiscoveryRequest{}, compressed); err != nil || len(m.GetResources()) != 1 {
		t.Errorf("%v %v", m, err)
	}
	_, err := s.fetch(cds, &discoveryv3.DiscoveryRequest{VersionInfo: strings.Repeat("x", 5<<20)}, compressed)
	wantStatus(t, err, "ResourceExhausted", "")
	soon(t, "it is counted", func() bool { return s.met(admission.LimitMessageBytes) == 1 })

	conn := xdstest.Dial(t, s.address, grpc.WithDefaultCallOptions(compressed))
	for _, p := range []xdstest.Protocol{xdstest.SotW, xdstest.Delta} {
		c := xdstest.Open(t, conn, p, "edge")
		c.Want(cds)
		c.Accept(cds, "web@1")
	}
	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
}

func TestWhoAsksForWhatThereIsNotIsCountedAndLosesItsConnection(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) { c.Limits.RefusedStreams = 3 })
	s.set(service("web", 1)...)
	conn := xdstest.Dial(t, s.address)
	ask := func() error {
		return conn.Invoke(t.Context(), "/envoy.service.route.v3.RouteDiscoveryService/FetchRoutes", &discoveryv3.DiscoveryRequest{}, &discoveryv3.DiscoveryResponse{})
	}
	wantStatus(t, ask(), "Unimplemented", "FetchRoutes")
	if said := s.said("unknown_methods"); said.Count != 1 || said.Remedy == "" {
		t.Errorf("%+v", said)
	}
	soon(t, "too many refused streams", func() bool { _ = ask(); return s.met(admission.LimitRefusedStreams) > 0 })
	if code := status.Code(ask()).String(); code != "Unavailable" && code != "Unimplemented" {
		t.Errorf("%s", code)
	}
}
