package e2e_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"legate/internal/parts"
)

// kill ends Legate like a crash. Its ports are free at once.
func (l *legate) kill(t testing.TB) {
	t.Helper()
	if err := l.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{l.XDS, l.rest, l.Admin} {
		listener, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatalf("after legate was killed: %v", err)
		}
		listener.Close()
	}
}

// freeze returns once Legate no longer answers, since a signal may take a while on a busy machine.
func (l *legate) freeze(t testing.TB) {
	t.Helper()
	if err := l.Pause(); err != nil {
		t.Fatal(err)
	}
	client := http.Client{Timeout: 300 * time.Millisecond}
	defer client.CloseIdleConnections()
	eventually(t, func() error {
		resp, err := client.Get("http://" + l.Admin + "/healthz")
		if err == nil {
			resp.Body.Close()
			return errors.New("legate still answers")
		}
		if !os.IsTimeout(err) {
			return err
		}
		return nil
	})
}

// A killed Envoy leaves nothing behind in Legate, and gets everything when it is back.
func TestAKilledEnvoyLeavesNoStream(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "shop", "shop-1", 1)
	s.serve(t, []way{adsDelta, adsSotW}, "shop")
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1") })
	other := visit(t, s.envoys[1], "shop")

	killed := s.envoys[0]
	if err := killed.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if streams := s.legate.status(t).Streams; len(streams) != 1 || streams[0].Node != adsSotW.name {
			return fmt.Errorf("open streams: %v", streams)
		}
		return nil
	})
	s.register(t, "shop", "shop-2", 1)
	if err := killed.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1", "shop-2") })
	other.goesOn(t)
}

// Whatever happened to other programs, Legate ends with exit code 0 when told to, in time: see
// legate.stop.
func TestLegateEndsWhateverTheOthersDo(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(s *stage) error{
		"consul is killed": func(s *stage) error { return s.consul.Kill() },
		"consul is frozen": func(s *stage) error { return s.consul.Pause() },
		"envoy is frozen":  func(s *stage) error { return s.envoys[0].Pause() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, parts.ConsulOptions{})
			s.register(t, "shop", "shop-1", 1)
			s.serve(t, []way{adsDelta}, "shop")
			if err := before(s); err != nil {
				t.Fatal(err)
			}
			s.legate.stop(t)
		})
	}
}

// A frozen Legate with open connections is like one that has nothing to send.
func TestTrafficGoesOnWhileLegateIsFrozen(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "shop", "shop-1", 1)
	s.serve(t, []way{adsDelta, adsSotW}, "shop")
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1") })
	var flows []*flow
	for _, e := range s.envoys {
		flows = append(flows, visit(t, e, "shop"))
	}
	s.legate.freeze(t)
	s.register(t, "shop", "shop-2", 1)
	for i, e := range s.envoys {
		flows[i].goesOn(t)
		if err := e.answers("shop", "shop-1"); err != nil {
			t.Errorf("%s, legate being frozen: %v", e.way.name, err)
		}
	}
	if err := s.legate.Continue(); err != nil {
		t.Fatal(err)
	}
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1", "shop-2") })
	for _, f := range flows {
		f.goesOn(t)
	}
}

// A Legate that starts before its Consul serves nothing, says so, and starts to serve when Consul
// is there.
func TestLegateWaitsForItsConsul(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{Persistent: true})
	s.register(t, "shop", "shop-1", 1)
	if err := s.consul.Kill(); err != nil {
		t.Fatal(err)
	}
	s.legate = newLegate(t, s.consul)
	s.legate.launch(t)
	eventually(t, func() error {
		_, err := s.legate.get("/healthz")
		return err
	})
	if _, err := s.legate.get("/readyz"); err == nil {
		t.Error("legate says that it is ready, and has no consul")
	}
	if err := s.consul.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.legate.awaitReady(t)
	s.envoys = append(s.envoys, startEnvoy(t, s.legate, adsDelta, "shop"))
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1") })
}
