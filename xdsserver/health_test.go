package xdsserver

import (
	"testing"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"legate/xdsserver/admission"
)

func TestWhoWatchesIsToldWhenThereIsSomethingToServe(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	probe := healthpb.NewHealthClient(s.conn)
	watch, err := probe.Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"NOT_SERVING", "SERVING"} {
		if r, err := watch.Recv(); err != nil || r.GetStatus().String() != want {
			t.Fatalf("%v %v, want %s", r, err, want)
		}
		s.set()
	}
	all, err := probe.List(t.Context(), &healthpb.HealthListRequest{})
	if err != nil || all.GetStatuses()[""].GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("%v %v", all, err)
	}
}

func TestAServiceThatIsNotThereIsNotWell(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	probe := healthpb.NewHealthClient(s.conn)
	_, err := probe.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "other"})
	wantStatus(t, err, "NotFound", "other")
	watch, err := probe.Watch(t.Context(), &healthpb.HealthCheckRequest{Service: "other"})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := watch.Recv(); err != nil || r.GetStatus() != healthpb.HealthCheckResponse_SERVICE_UNKNOWN {
		t.Errorf("%v %v", r, err)
	}
}

// Probes have a share of their own: a fleet that comes back behind the same address does not make
// Legate look ill.
func TestAnAddressMayAskTheHealthServiceSoOftenASecond(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) {
		c.Limits.Probes, c.Limits.NewStreamsBurst, c.Limits.NewStreams, c.Limits.NewStreamWait = 5, 1, 1, 1
	})
	s.set(service("web", 1)...)
	s.served(s.conn, "edge")
	probe := healthpb.NewHealthClient(s.conn)
	for i := range 50 {
		_, err := probe.Check(t.Context(), &healthpb.HealthCheckRequest{})
		if i < 5 && err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if status.Code(err).String() == "Unavailable" {
			if n := s.met(admission.LimitProbes); n == 0 {
				t.Error("it is not counted")
			}
			return
		}
	}
	t.Error("as often as it likes")
}
