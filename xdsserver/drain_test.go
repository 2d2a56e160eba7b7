package xdsserver

import (
	"fmt"
	"slices"
	"testing"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"legate/internal/xdstest"
)

func TestWithNobodyConnectedTheServerEndsAtOnce(t *testing.T) {
	s := newStage(t, func(c *Config) { c.Drain = Drain{Delay: time.Hour, Spread: time.Hour} })
	began := time.Now()
	if err := s.stop(); err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func TestTheServerSaysItIsGoingServesOnAndClosesStreamsOneByOne(t *testing.T) {
	const streams = 10
	drain := Drain{Delay: 3 * time.Second, Spread: time.Minute} // what ten take is 1 s
	bothWith(t, func(c *Config) { c.Drain = drain }, func(t *testing.T, s *stage, open opener) {
		s.set(service("web", 1)...)
		var clients []*xdstest.Client
		for i := range streams {
			c := open(fmt.Sprint("edge-", i))
			c.Want(eds, "web")
			c.Accept(eds, "web@1")
			clients = append(clients, c)
		}
		ended := make(chan error, 1)
		began := time.Now()
		go func() { ended <- s.stop() }()

		probe := healthpb.NewHealthClient(s.conn)
		for {
			answer, err := probe.Check(t.Context(), &healthpb.HealthCheckRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if answer.GetStatus() == healthpb.HealthCheckResponse_NOT_SERVING {
				break
			}
		}
		s.set(assignment("web", 2))
		for _, c := range clients { // what changes meanwhile still arrives
			c.Accept(eds, "web@2")
		}
		if d := time.Since(began); d > drain.Delay {
			t.Fatalf("the delay is over, this shows nothing: %v", d)
		}

		closed := make(chan time.Duration)
		for _, c := range clients {
			go func() {
				wantStatus(t, c.Ended(), "Unavailable", "shutting down")
				closed <- time.Since(began)
			}()
		}
		var when []time.Duration
		for range clients {
			when = append(when, <-closed)
		}
		if first, last := slices.Min(when), slices.Max(when); first < drain.Delay || last-first < 200*time.Millisecond || last > drain.Delay+10*time.Second {
			t.Errorf("closed at %v", when)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestTheSpreadIsWhatTheStreamsTake(t *testing.T) {
	d := Drain{Spread: 15 * time.Second}
	for streams, want := range map[int]time.Duration{0: 0, 3: 300 * time.Millisecond, 150: d.Spread, 5000: d.Spread} {
		if got := d.spread(streams); got != want {
			t.Errorf("%d streams: %v", streams, got)
		}
	}
}

// Who watches the health service is no reason to wait: it is told what it watches for, and the end.
func TestWhoWatchesTheHealthServiceIsToldOfTheEndAndDoesNotDelayIt(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) { c.StopTimeout = time.Minute })
	s.set(service("web", 1)...)
	watch, err := healthpb.NewHealthClient(s.conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	heard := func(want healthpb.HealthCheckResponse_ServingStatus) {
		t.Helper()
		if r, err := watch.Recv(); err != nil || r.GetStatus() != want {
			t.Fatalf("%v %v, want %v", r, err, want)
		}
	}
	heard(healthpb.HealthCheckResponse_SERVING)
	began := time.Now()
	if err := s.stop(); err != nil || time.Since(began) > 20*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	heard(healthpb.HealthCheckResponse_NOT_SERVING)
	_, err = watch.Recv()
	wantStatus(t, err, "Unavailable", "shutting down")
}
