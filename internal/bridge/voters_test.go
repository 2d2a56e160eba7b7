package bridge

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"legate/discovery/catalog"
	"legate/internal/logtest"
	"legate/translate"
	"legate/translate/policy"
	"legate/xdsserver"
)

// booth is a bridge that publishes to a real server, and clients that accept or reject what it changes.
type booth struct {
	*Bridge
	t       *testing.T
	log     *logtest.Buffer
	address string
}

// newBooth serves so many services; a change of policy goes out over so long.
func newBooth(t *testing.T, services int, over time.Duration) *booth {
	t.Helper()
	b := &booth{t: t, log: &logtest.Buffer{}}
	config := xdsserver.DefaultConfig()
	config.StopTimeout, config.Drain = time.Second, xdsserver.Drain{}
	server, err := xdsserver.New(config, slog.New(slog.NewTextHandler(io.Discard, nil)), nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.address = l.Addr().String()
	b.Bridge = New(translate.DefaultConfig(), func() string { return "dc1" }, server, slog.New(slog.NewTextHandler(b.log, nil)), nil)
	b.Spread(over)
	ctx, cancel := context.WithCancel(context.Background())
	deltas, ended := make(chan catalog.Delta), make(chan error, 2)
	go func() { ended <- b.Run(ctx, deltas) }()
	go func() { ended <- server.Run(ctx, l, nil) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	deltas <- fleet(services)
	return b
}

// voter is a client that has all clusters.
type voter struct {
	leave func()
	mu    sync.Mutex
	took  map[string]time.Duration // the connect timeouts of the clusters that it accepted last
	said  int                      // how often it rejected something
}

// enter has a client come from an address. It rejects each response that has a cluster with this connect timeout
// (0: none).
func (b *booth) enter(address string, rejects time.Duration) *voter {
	b.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	conn, err := grpc.NewClient("passthrough:///"+b.address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, to string) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", to) }))
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	v, done := &voter{took: map[string]time.Duration{}}, make(chan struct{})
	v.leave = func() { cancel(); <-done; conn.Close() }
	b.t.Cleanup(v.leave)
	go func() {
		defer close(done)
		stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
		if err != nil {
			return
		}
		request := &discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: address, UserAgentName: "envoy"}, TypeUrl: translate.ClusterType}
		for stream.Send(request) == nil {
			response, err := stream.Recv()
			if err != nil {
				return
			}
			request = &discoveryv3.DeltaDiscoveryRequest{TypeUrl: translate.ClusterType, ResponseNonce: response.GetNonce(), ErrorDetail: v.judge(response, rejects)}
		}
	}()
	return v
}

func (v *voter) judge(r *discoveryv3.DeltaDiscoveryResponse, rejects time.Duration) *rpcstatus.Status {
	v.mu.Lock()
	defer v.mu.Unlock()
	has := map[string]time.Duration{}
	for _, one := range r.GetResources() {
		var c clusterv3.Cluster
		if proto.Unmarshal(one.GetResource().GetValue(), &c) != nil {
			return &rpcstatus.Status{Message: "no cluster"}
		}
		if has[one.GetName()] = c.GetConnectTimeout().AsDuration(); has[one.GetName()] == rejects {
			v.said++
			return &rpcstatus.Status{Message: "no such suite"}
		}
	}
	for name, timeout := range has {
		v.took[name] = timeout
	}
	return nil
}

// has waits until the client has accepted so many clusters with this connect timeout.
func (b *booth) has(v *voter, n int, timeout time.Duration) {
	b.t.Helper()
	b.soon(fmt.Sprintf("a client has %d clusters with %v", n, timeout), func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		found := 0
		for _, has := range v.took {
			if has == timeout {
				found++
			}
		}
		return found == n
	})
}

func (b *booth) soon(what string, is func() bool) {
	b.t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("not so: %s; told: %+v; the log says %s", what, b.State().Rollout, b.log)
		}
	}
}

func (b *booth) paused() bool { return !b.State().Rollout.Paused.IsZero() }

const services, before, bad = 20, 5 * time.Second, 2 * time.Second // before: of DefaultConfig

// filled has clients come, from addresses of their own, of which the first ones reject the change.
func filled(t *testing.T, against, accept int) (b *booth, all []*voter) {
	t.Helper()
	b = newBooth(t, services, 2*time.Second)
	for i := range against + accept {
		rejects := time.Duration(0)
		if i < against {
			rejects = bad
		}
		all = append(all, b.enter(fmt.Sprintf("127.0.1.%d", i+1), rejects))
	}
	for _, v := range all {
		b.has(v, services, before)
	}
	return b, all
}

func TestOneHostileClientDoesNotHoldUpAChangeThatTheOthersAccept(t *testing.T) {
	t.Parallel()
	b, all := filled(t, 1, 5)
	b.Adopt(under(t, "defaults: {connect_timeout: 2s}"))
	for _, v := range all[1:] {
		b.has(v, services, bad)
	}
	b.soon("it has ended", func() bool { return b.State().Rollout.Changed == 0 })
	b.has(all[0], services, before)
}

func TestAChangeThatAllRejectGoesOutNoFurtherUntilItIsCorrected(t *testing.T) {
	t.Parallel()
	for _, against := range []int{1, 3} {
		t.Run(fmt.Sprint(against), func(t *testing.T) {
			t.Parallel()
			b, all := filled(t, against, 0)
			b.Spread(time.Hour) // the second cluster comes after minutes
			b.Adopt(under(t, "defaults: {connect_timeout: 2s}"))
			b.soon("it is paused", func() bool { return b.paused() && b.State().Rollout.Against == against })
			is := b.State().Rollout
			if is.Changed != 1 || is.For != 0 || is.Silent != 0 || is.GoesOn != RolloutRemedy || len(is.Rejected) != 1 ||
				!strings.HasPrefix(is.Rejected[0].Client, "127.0.1.") || is.Rejected[0].Name.Name != "s000" || is.Rejected[0].Reason != "no such suite" {
				t.Errorf("told: %+v", is)
			}
			if said := b.log.String(); !strings.Contains(said, "goes out no further") || !strings.Contains(said, "client=127.0.1.") || !strings.Contains(said, "no such suite") {
				t.Errorf("the log says %s", said)
			}
			b.Spread(2 * time.Second)
			b.Adopt(under(t, "defaults: {connect_timeout: 3s}"))
			for _, v := range all {
				b.has(v, services, 3*time.Second)
			}
		})
	}
}

func TestAPauseEndsWhenThoseWhoRejectAreNoMajorityAnyMore(t *testing.T) {
	t.Parallel()
	b, all := filled(t, 2, 1)
	b.Spread(time.Hour)
	b.Adopt(under(t, "defaults: {connect_timeout: 2s}"))
	b.soon("two of three hold it up", func() bool { is := b.State().Rollout; return b.paused() && is.Against == 2 && is.For == 1 })
	b.Spread(2 * time.Second)
	all[0].leave()
	b.has(all[2], services, bad)
	b.has(all[1], services, before)
	if said := b.log.String(); strings.Count(said, "goes out again") != 1 || strings.Count(said, "although a client rejects it") != 1 {
		t.Errorf("the log says %s", said)
	}
}

// Many clients behind one address are one witness, and if they disagree it is none.
func TestAHostileClientIsNotHeardMoreOftenForCallingManyTimes(t *testing.T) {
	t.Parallel()
	b := newBooth(t, services, 2*time.Second)
	var all []*voter
	for range 10 {
		all = append(all, b.enter("127.0.2.1", bad))
	}
	good := []*voter{b.enter("127.0.2.2", 0), b.enter("127.0.2.2", 0)}
	for _, v := range slices.Concat(all, good) {
		b.has(v, services, before)
	}
	b.Adopt(under(t, "defaults: {connect_timeout: 2s}"))
	for _, v := range good {
		b.has(v, services, bad)
	}
}

func TestAClientBehindTheAddressOfTheGoodOnesHoldsUpNothing(t *testing.T) {
	t.Parallel()
	b := newBooth(t, services, 2*time.Second)
	all := []*voter{b.enter("127.0.3.1", bad), b.enter("127.0.3.1", 0)}
	for _, v := range all {
		b.has(v, services, before)
	}
	b.Adopt(under(t, "defaults: {connect_timeout: 2s}"))
	b.has(all[1], services, bad)
	b.Adopt(policy.Policies{})
	b.has(all[1], services, before)
}
