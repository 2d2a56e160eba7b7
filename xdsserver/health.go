package xdsserver

import (
	"context"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"legate/xdsserver/admission"
)

// probe is gRPC's health service (grpc.health.v1). It knows one service, the whole server, whose name is
// empty: SERVING once there is something to serve, and NOT_SERVING before, and from when the server
// is told to end. Watch sends each change; its stream ends with the server.
type probe struct {
	healthpb.UnimplementedHealthServer
	*Server
}

func (p probe) Check(_ context.Context, r *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	state := p.state(r.GetService() != "")
	if state == healthpb.HealthCheckResponse_SERVICE_UNKNOWN {
		return nil, status.Errorf(codes.NotFound, "no service %q here; the server has the empty name", sane(r.GetService()))
	}
	return &healthpb.HealthCheckResponse{Status: state}, nil
}

func (p probe) List(context.Context, *healthpb.HealthListRequest) (*healthpb.HealthListResponse, error) {
	return &healthpb.HealthListResponse{Statuses: map[string]*healthpb.HealthCheckResponse{"": {Status: p.state(false)}}}, nil
}

func (p probe) Watch(r *healthpb.HealthCheckRequest, stream healthpb.Health_WatchServer) error {
	named, told := r.GetService() != "", healthpb.HealthCheckResponse_UNKNOWN
	ready, leaving, stopping := p.ready, p.leaving, p.stopping
	for ended := false; ; {
		if now := p.state(named); now != told {
			if err := stream.Send(&healthpb.HealthCheckResponse{Status: now}); err != nil {
				return err
			}
			told = now
		}
		if ended {
			return admission.ErrStopping
		}
		select {
		case <-ready:
			ready = nil
		case <-leaving:
			leaving = nil
		case <-stopping:
			ended = true
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		}
	}
}

// state is the server's. A service that is named is unknown.
func (p probe) state(named bool) healthpb.HealthCheckResponse_ServingStatus {
	if named {
		return healthpb.HealthCheckResponse_SERVICE_UNKNOWN
	}
	select {
	case <-p.leaving:
		return healthpb.HealthCheckResponse_NOT_SERVING
	default:
	}
	select {
	case <-p.ready:
		return healthpb.HealthCheckResponse_SERVING
	default:
		return healthpb.HealthCheckResponse_NOT_SERVING
	}
}
