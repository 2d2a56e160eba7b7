package xdsserver

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"

	"legate/internal/xdstest"
	"legate/translate"
	"legate/xdsserver/admission"
)

var hostileRounds = flag.Int("hostile-rounds", 0, "how often to measure what hostile clients cost good ones")

// A hundred good clients follow a stream of changes beside hostile ones: who never read, reject
// everything, reset streams, send what is too large or garbage, and change their node. The
// hostile ones are another process, with an address of their own. Every good client gets every
// change, and the hostile ones meet the limits.
func TestHostileClientsDoNotHurtTheGoodOnes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	s := newHostileStage(t)
	good := s.goodClients(100)
	defer s.startHostile()()
	for _, limit := range []string{admission.LimitMessageBytes, admission.LimitNodeIDBytes, admission.LimitRefusedStreams, admission.LimitReturns} {
		for deadline := time.Now().Add(5 * time.Minute); s.met(limit) == 0; good.follow(10) {
			if time.Now().After(deadline) {
				t.Fatalf("no hostile client met the limit %s", limit)
			}
		}
	}
	good.follow(50)
	for _, st := range s.Streams() {
		if strings.HasPrefix(st.Node, "good-") && st.Types[0].Nacks > 0 {
			t.Errorf("%s rejected something", st.Node)
		}
	}
}

// What hostile clients cost the good ones is only measured: the machine may have other things to
// do. In turns, each with a new server: 500 changes alone, then 5,000 while the hostile ones are
// here. What the first second of these costs is told apart.
//
//	go test ./xdsserver -run WhatHostileClientsCost -v -hostile-rounds 10
func TestWhatHostileClientsCost(t *testing.T) {
	if *hostileRounds == 0 {
		t.Skip("a measurement: -hostile-rounds 10")
	}
	var alone, come, stay []time.Duration
	refused := map[string]uint64{}
	for range *hostileRounds {
		s := newHostileStage(t)
		good := s.goodClients(100)
		good.follow(100) // warm
		alone = append(alone, good.follow(500)...)
		stop := s.startHostile()
		for start := time.Now(); time.Since(start) < time.Second; {
			come = append(come, good.follow(1)...)
		}
		stay = append(stay, good.follow(5000)...)
		stop()
		for _, r := range s.Refused() {
			refused[r.Limit] += r.Count
		}
		good.leave()
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}
	at := func(d []time.Duration, p int) float64 {
		d = slices.Sorted(slices.Values(d))
		return float64(d[len(d)*p/100].Microseconds()) / 1000
	}
	show := func(what string, took []time.Duration) {
		t.Logf("%-27s p50 %6.2f ms (× %.2f), p99 %6.2f ms (× %.2f), %d changes", what,
			at(took, 50), at(took, 50)/at(alone, 50), at(took, 99), at(took, 99)/at(alone, 99), len(took))
	}
	t.Logf("a change to the last of 100 good clients:")
	show("alone", alone)
	show("beside hostile ones", slices.Concat(come, stay))
	show("in their first second", come)
	show("after that", stay)
	t.Logf("refused: %v", refused)
}

func newHostileStage(t *testing.T) *stage {
	s := newStage(t, func(c *Config) { c.Limits.StuckSend, c.StopTimeout = time.Second, 5*time.Second })
	var all []translate.Resource
	for i := range 300 {
		all = append(all, service(fmt.Sprint("s-", i), 1)...)
	}
	s.set(all...)
	return s
}

// followers are clients that acknowledge what they get and tell when they got it.
type followers struct {
	*stage
	n     int
	mark  int
	got   chan string
	leave func() // ends them
}

func (s *stage) goodClients(n int) *followers {
	f := &followers{stage: s, n: n, mark: 1, got: make(chan string, 1000*n)}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	f.leave = func() { cancel(); wg.Wait() }
	s.t.Cleanup(f.leave)
	for i := range n {
		stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(xdstest.Dial(s.t, s.address)).DeltaAggregatedResources(ctx)
		if err == nil {
			err = stream.Send(&discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: fmt.Sprint("good-", i)}, TypeUrl: cds})
		}
		if err != nil {
			s.t.Fatal(err)
		}
		wg.Go(func() {
			for {
				r, err := stream.Recv()
				if err != nil {
					if ctx.Err() == nil {
						f.got <- err.Error()
					}
					return
				}
				if stream.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.GetTypeUrl(), ResponseNonce: r.GetNonce()}) != nil {
					return
				}
				f.got <- r.GetResources()[0].GetVersion()
			}
		})
	}
	for range n { // each has what there is
		<-f.got
	}
	return f
}

// follow publishes changes one after the other, and returns how long each took to the last of the
// clients.
func (f *followers) follow(changes int) []time.Duration {
	f.t.Helper()
	var took []time.Duration
	for range changes {
		f.mark++
		want := fmt.Sprint("v", f.mark)
		start := time.Now()
		f.set(cluster("s-7", f.mark))
		for range f.n {
			select {
			case got := <-f.got:
				if got != want {
					f.t.Fatalf("got %s, want %s", got, want)
				}
			case <-time.After(10 * time.Second):
				f.t.Fatalf("a good client did not get %s", want)
			}
		}
		took = append(took, time.Since(start))
		time.Sleep(2 * time.Millisecond)
	}
	return took
}

// startHostile starts the hostile process, and returns what ends it.
func (s *stage) startHostile() (stop func()) {
	s.t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHostileProcess$", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), "LEGATE_TEST_HOSTILE="+s.address)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
}

// TestHostileProcess is the hostile process.
func TestHostileProcess(t *testing.T) {
	at := os.Getenv("LEGATE_TEST_HOSTILE")
	if at == "" {
		t.Skip("TestHostileClientsDoNotHurtTheGoodOnes starts it")
	}
	h := hostile{at: at}
	var wg sync.WaitGroup
	for kind, n := range map[string]int{"deaf": 10, "rejecting": 5, "resetting": 5, "clinging": 3, "large": 1, "changing": 5, "garbage": 2, "unknown": 2} {
		for range n {
			wg.Go(func() {
				for {
					h.behave(kind)
					time.Sleep(5 * time.Millisecond)
				}
			})
		}
	}
	wg.Wait() // it is killed
}

type hostile struct{ at string }

// dial connects from an address that is not that of the good clients.
func (h hostile) dial() (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+h.at, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, at string) (net.Conn, error) {
			return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext(ctx, "tcp", at)
		}))
}

// behave is one connection's worth of misbehaviour.
func (h hostile) behave(kind string) {
	if kind == "garbage" {
		conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).Dial("tcp", h.at)
		if err == nil {
			_, _ = conn.Write([]byte(strings.Repeat("PRI * nonsense\r\n", 100)))
			conn.Close()
		}
		return
	}
	conn, err := h.dial()
	if err != nil {
		return
	}
	defer conn.Close()
	client := discoveryv3.NewAggregatedDiscoveryServiceClient(conn)
	if kind == "clinging" { // something is served on its connection
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if stream, err := client.DeltaAggregatedResources(ctx); err == nil {
			_ = stream.Send(&discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: "clings"}, TypeUrl: eds})
		}
	}
	metadata, _ := structpb.NewStruct(map[string]any{"x": strings.Repeat("x", 50<<10)})
	for range 50 {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		stream, err := client.DeltaAggregatedResources(ctx)
		if err != nil {
			cancel()
			return
		}
		ask := func(r *discoveryv3.DeltaDiscoveryRequest) { _ = stream.Send(r) }
		node := &corev3.Node{Id: fmt.Sprint(kind, time.Now().UnixNano())}
		ask(&discoveryv3.DeltaDiscoveryRequest{Node: node, TypeUrl: cds})
		switch kind {
		case "deaf":
			for range 2000 { // each acknowledgement of nothing, and each name, makes an answer
				ask(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: cds, ResourceNamesSubscribe: []string{"*", "s-1", "s-2"}})
			}
			<-ctx.Done()
		case "rejecting":
			for range 300 {
				r, err := stream.Recv()
				if err != nil {
					break
				}
				ask(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: cds, ResponseNonce: r.GetNonce(), ErrorDetail: &rpcstatus.Status{Code: 3, Message: "no"}})
			}
		case "large":
			ask(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: cds, ResourceNamesSubscribe: []string{strings.Repeat("x", 5<<20)}})
			_, _ = stream.Recv()
			time.Sleep(50 * time.Millisecond)
		case "changing":
			ask(&discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: "another", Metadata: metadata}, TypeUrl: eds})
			time.Sleep(5 * time.Millisecond)
		case "unknown":
			for i := range 100 {
				ask(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: fmt.Sprint("type.googleapis.com/no.such.Type", i)})
			}
		}
		cancel()
		if kind == "changing" { // and one that is refused
			ctx, cancel := context.WithCancel(context.Background())
			if stream, err := client.DeltaAggregatedResources(ctx); err == nil {
				_ = stream.Send(&discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: strings.Repeat("y", 300)}, TypeUrl: cds})
				_, _ = stream.Recv()
			}
			cancel()
		}
		time.Sleep(time.Millisecond)
	}
}
