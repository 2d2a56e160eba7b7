package xdsserver

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"legate/internal/xdstest"
	"legate/xdsserver/admission"
)

// refuse opens a stream that is refused: its node's id is too long. It says how the stream ended.
func (s *stage) refuse(conn *grpc.ClientConn) string {
	c := xdstest.Open(s.t, conn, xdstest.Delta, strings.Repeat("x", 300))
	c.Want(cds)
	return status.Code(c.Ended()).String()
}

// refuseUntilMet opens such streams without a pause until there were too many.
func (s *stage) refuseUntilMet(conn *grpc.ClientConn) {
	s.t.Helper()
	soon(s.t, "too many refused streams", func() bool { _ = s.refuse(conn); return s.met(admission.LimitRefusedStreams) > 0 })
}

// silent connects and says nothing; the result waits until the connection is closed, and says
// how long that took.
func (s *stage) silent() (closed func() time.Duration) {
	s.t.Helper()
	start := time.Now()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return func() time.Duration {
		_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
			s.t.Errorf("not closed: %v", err)
		}
		return time.Since(start)
	}
}

func TestWhoDoesNotWaitWhenRefusedLosesItsConnectionAndGetsAPenalty(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) {
		c.Limits.RefusedStreams, c.Limits.Returns, c.Limits.NewStreamWait = 3, 4, 2*time.Second
		c.Limits.HalfOpen = 5 * time.Second
	})
	s.set(service("web", 1)...)
	good := s.served(s.conn, "good")

	hostile := xdstest.Dial(t, s.address)
	for range 3 {
		if code := s.refuse(hostile); code != "InvalidArgument" {
			t.Errorf("refused as %s", code)
		}
	}
	s.refuseUntilMet(hostile)

	// Now four connections a second are admitted: four at once, then one each quarter of a second. One that would have
	// to wait for more than half a second goes to the penalty queue.
	start := time.Now()
	for i := range 6 {
		s.served(xdstest.Dial(t, s.address), fmt.Sprint("comes-", i))
	}
	if took := time.Since(start); took < 400*time.Millisecond {
		t.Errorf("nobody waited: %v", took)
	}
	for s.met(admission.LimitReturns) == 0 {
		s.silent()
	}
	if took := s.silent()(); took < 1500*time.Millisecond {
		t.Errorf("it was closed after %v in the penalty queue", took)
	}
	s.set(service("web", 2)...)
	good.Accept(cds, "web@2") // who was here before noticed nothing
}

// An Envoy of "legate bootstrap envoy" gives up after a second where there is TLS, since nothing was said by then, and
// connects again: admission must not go to those that have left meanwhile.
func TestAFleetWithAPenaltyIsAdmittedThoughEachClientGivesUpAfterASecond(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) { c.Limits.RefusedStreams = 1 })
	s.set(service("web", 1)...)
	hostile := xdstest.Dial(t, s.address)
	s.refuseUntilMet(hostile)
	hostile.Close()

	var fleet sync.WaitGroup
	var in atomic.Int64
	end := time.Now().Add(45 * time.Second)
	for range 50 {
		fleet.Go(func() {
			for time.Now().Before(end) {
				c, err := net.Dial("tcp", s.address)
				if err != nil {
					t.Error(err)
					return
				}
				_ = c.SetReadDeadline(time.Now().Add(time.Second))
				_, err = c.Read(make([]byte, 1))
				_ = c.Close()
				if err == nil { // the server spoke
					in.Add(1)
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	fleet.Wait()
	if n := in.Load(); n != 50 {
		t.Errorf("%d of 50 got in", n)
	}
}

func TestWhoWaitsWhenRefusedKeepsItsConnection(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) { c.Limits.RefusedStreams, c.Limits.NewStreamWait = 2, 400*time.Millisecond })
	s.set(service("web", 1)...)
	for range 6 {
		if code := s.refuse(s.conn); code != "InvalidArgument" {
			t.Errorf("refused as %s", code)
		}
		time.Sleep(250 * time.Millisecond)
	}
	if n := s.met(admission.LimitRefusedStreams); n > 0 {
		t.Errorf("%d connections were closed", n)
	}
	s.served(s.conn, "edge")
}

func TestAConnectionThatServesSomebodyIsKeptAndWhoIsRefusedOnItHearsOfItLater(t *testing.T) {
	t.Parallel()
	const wait = 4 * time.Second
	s := newStage(t, func(c *Config) { c.Limits.RefusedStreams, c.Limits.NewStreamWait = 3, wait })
	s.set(service("web", 1)...)
	good := s.served(s.conn, "good")
	var refused sync.WaitGroup
	start := time.Now()
	for range 10 { // at once
		refused.Go(func() { _ = s.refuse(s.conn) })
	}
	soon(t, "too many refused streams", func() bool { return s.met(admission.LimitRefusedStreams) > 0 })
	for mark := 2; mark < 32; mark++ { // who is served notices nothing
		s.set(service("web", mark)...)
		good.Accept(cds, fmt.Sprint("web@", mark))
	}
	if took := time.Since(start); took > wait {
		t.Errorf("30 changes took %v", took)
	}
	refused.Wait()
	if took := time.Since(start); took < wait {
		t.Errorf("all were refused within %v", took)
	}
}

// Who has a new connection for each stream that is refused does not come again faster than others.
func TestAnAddressHearsOfItsRefusedStreamsLaterWhenThereAreTooMany(t *testing.T) {
	t.Parallel()
	const wait, atOnceOfAddress = 3 * time.Second, 10 // ten times RefusedStreams
	s := newStage(t, func(c *Config) { c.Limits.RefusedStreams, c.Limits.NewStreamWait = 1, wait })
	s.set(service("web", 1)...)
	good := s.served(s.conn, "good")
	var refused sync.WaitGroup
	var atOnce, later atomic.Int64
	for range atOnceOfAddress + 10 {
		conn := xdstest.Dial(t, s.address)
		refused.Go(func() {
			start := time.Now()
			_ = s.refuse(conn)
			if time.Since(start) < wait {
				atOnce.Add(1)
			} else {
				later.Add(1)
			}
		})
	}
	refused.Wait()
	if later.Load() < 5 || atOnce.Load() < atOnceOfAddress {
		t.Errorf("%d heard of it at once, %d later", atOnce.Load(), later.Load())
	}
	if said := s.said(admission.LimitRefusedStreams); said.Count == 0 || !strings.Contains(said.Detail, "an address") {
		t.Errorf("%+v", said)
	}
	s.served(xdstest.Dial(t, s.address), "comes") // who is not refused does not wait
	s.set(service("web", 2)...)
	good.Accept(cds, "web@2")
	soon(t, "nothing is held for those that waited", func() bool { return s.Memory().Kinds[admission.HeldRequests].Bytes == 0 })
}

func TestAConnectionIsClosedThoughItServesSomebodyWhenTooManyWaitForTheirRefusal(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) {
		c.Limits.RefusedStreams, c.Limits.StreamsPerAddress, c.Limits.NewStreamWait = 1, 2, time.Minute
	})
	s.set(service("web", 1)...)
	good := s.served(s.conn, "good")
	for range 5 {
		_ = xdstest.Open(t, s.conn, xdstest.Delta, strings.Repeat("x", 300)).Try(&discoveryv3.DeltaDiscoveryRequest{
			Node: &corev3.Node{Id: strings.Repeat("x", 300)}, TypeUrl: cds,
		})
	}
	if code := status.Code(good.Ended()).String(); code != "Unavailable" {
		t.Errorf("ended as %s", code)
	}
}

func TestAConnectionIsClosedThoughItServesSomebodyWhenRefusedStreamsAreResetOnIt(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) { c.Limits.RefusedStreams = 3 })
	s.set(service("web", 1)...)
	good := s.served(s.conn, "good")
	ended := make(chan error, 1)
	go func() { ended <- good.Ended() }()
	for start := time.Now(); ; {
		c := xdstest.Open(t, s.conn, xdstest.Delta, strings.Repeat("x", 300))
		_ = c.Try(&discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: strings.Repeat("x", 300)}, TypeUrl: cds}) // it may have ended
		time.Sleep(5 * time.Millisecond)
		c.Close()
		select {
		case err := <-ended:
			if code := status.Code(err).String(); code != "Unavailable" {
				t.Errorf("ended as %s", code)
			}
			return
		default:
		}
		if time.Since(start) > 20*time.Second {
			t.Fatal("it is still open")
		}
	}
}
