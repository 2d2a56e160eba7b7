package xdsserver

import (
	"slices"
	"strings"
	"sync/atomic"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"legate/xdsserver/admission"
)

// asStreams is a service whose single requests are served as streams are: within the same limits,
// from their first byte on, and for as long as the client has not taken in the answer. gRPC would
// receive a request before anybody is asked, and let go of an answer that is not sent yet. On the wire
// there is no difference.
func asStreams(d grpc.ServiceDesc, handler func(grpc.MethodDesc) grpc.StreamHandler) *grpc.ServiceDesc {
	d.Streams = slices.Clone(d.Streams)
	for _, m := range d.Methods {
		d.Streams = append(d.Streams, grpc.StreamDesc{StreamName: m.MethodName, ServerStreams: true, Handler: handler(m)})
	}
	d.Methods = nil
	return &d
}

// fetchAsStream is the discovery service of a type, whose single request is called FetchClusters,
// FetchEndpoints and so on.
func (s *Server) fetchAsStream(t *resourceType) *grpc.ServiceDesc {
	return asStreams(t.service, func(grpc.MethodDesc) grpc.StreamHandler { return s.fetchHandlerOf(t.typeURL) })
}

// healthService is gRPC's health service.
func healthService() *grpc.ServiceDesc {
	return asStreams(healthpb.Health_ServiceDesc, func(m grpc.MethodDesc) grpc.StreamHandler {
		return func(srv any, stream grpc.ServerStream) error {
			answer, err := m.Handler(srv, stream.Context(), stream.RecvMsg, nil)
			if err != nil {
				return err
			}
			return stream.SendMsg(answer)
		}
	})
}

func (s *Server) fetchHandlerOf(typeURL string) grpc.StreamHandler {
	return func(_ any, stream grpc.ServerStream) error {
		l := limitedStreamOf(stream.Context())
		r := &discoveryv3.DiscoveryRequest{}
		if err := l.RecvMsg(r); err != nil {
			return err
		}
		var f *frame
		a, err := s.fetch(l.Context(), l.admitted.Address(), typeURL, r, func(_ *admission.Answer, m *discoveryv3.DiscoveryResponse) error {
			p := &body{around: &atomic.Pointer[[]byte]{}}
			for _, resource := range m.GetResources() {
				p.encoded = append(p.encoded, encodedAny(resource)...)
			}
			f = newFrame(m.GetVersionInfo(), m.GetTypeUrl(), "", p, identity(sotwControlPlane, s.config.Identifier))
			return nil
		})
		if err != nil {
			return err
		}
		defer a.Release()
		if err := l.SendMsg(f); err != nil {
			return err
		}
		return l.taken(1)
	}
}

// unknownMethod answers what asks for something that there is not.
func unknownMethod(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream) // it has one
	remedy, why := "take it out of that client's configuration: Legate serves clusters, endpoints and secrets", ""
	for service, one := range unserved {
		if strings.HasPrefix(method, "/"+service+"/") {
			remedy, why = one.remedy, ": "+one.why
		}
	}
	return admission.Refuse(admission.LimitUnknownMethods, codes.Unimplemented, 0, remedy, "there is no method %q here%s", sane(method), why)
}

// unserved are services that clients may expect here, and why there are none. It is never changed.
var unserved = map[string]struct{ why, remedy string }{
	"envoy.service.load_stats.v3.LoadReportingService": {
		"Legate takes no load reports (LRS); take load_stats_config out of the bootstrap, or lrs_server out of the cluster",
		"take load_stats_config out of that Envoy's bootstrap, or lrs_server out of its cluster: Legate takes no load reports",
	},
	"envoy.service.status.v3.ClientStatusDiscoveryService": {
		"the status of clients is off; start Legate with --xds-client-status local",
		"start Legate with --xds-client-status local if tools are to have the status of clients",
	},
}
