package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"legate/translate"
)

// envoy is one incremental ADS stream that subscribes to everything and acknowledges everything.
type envoy struct {
	conn   *grpc.ClientConn
	cancel context.CancelFunc
	ended  chan struct{}

	mu   sync.Mutex
	seen map[string]seen // assignments, by name
	news chan struct{}   // closed and replaced with each response
	err  error
}

// seen is what arrived for one assignment.
type seen struct {
	times int
	last  time.Time
}

func openEnvoy(ctx context.Context, address string) (*envoy, error) {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<30)))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	e := &envoy{conn: conn, cancel: cancel, ended: make(chan struct{}), seen: map[string]seen{}, news: make(chan struct{})}
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	if err == nil {
		for _, typeURL := range []string{translate.ClusterType, translate.AssignmentType} {
			err = stream.Send(&discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: "scale"}, TypeUrl: typeURL, ResourceNamesSubscribe: []string{"*"}})
			if err != nil {
				break
			}
		}
	}
	if err != nil {
		cancel()
		_ = conn.Close() // the first error matters more
		return nil, err
	}
	go e.read(stream)
	return e, nil
}

func (e *envoy) read(stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesClient) {
	defer close(e.ended)
	for {
		r, err := stream.Recv()
		now := time.Now()
		if err == nil {
			err = stream.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.TypeUrl, ResponseNonce: r.Nonce})
		}
		e.mu.Lock()
		e.err = err
		if err == nil && r.TypeUrl == translate.AssignmentType {
			for _, res := range r.Resources {
				e.seen[res.Name] = seen{e.seen[res.Name].times + 1, now}
			}
		}
		close(e.news)
		e.news = make(chan struct{})
		e.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// of returns what arrived for a service, and a channel that is closed with the next response.
func (e *envoy) of(service string) (seen, <-chan struct{}, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.seen[service], e.news, e.err
}

// after waits until a service's assignment has arrived more than that many times, and returns when
// it did.
func (e *envoy) after(ctx context.Context, service string, times int, timeout time.Duration) (time.Time, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		s, news, err := e.of(service)
		switch {
		case s.times > times:
			return s.last, nil
		case err != nil:
			return time.Time{}, err
		}
		select {
		case <-news:
		case <-timer.C:
			return time.Time{}, fmt.Errorf("no assignment of %q came within %v", service, timeout)
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}

// await waits for that many services.
func (e *envoy) await(ctx context.Context, services int) error {
	for {
		e.mu.Lock()
		n, news, err := len(e.seen), e.news, e.err
		e.mu.Unlock()
		switch {
		case err != nil:
			return err
		case n >= services:
			return nil
		}
		select {
		case <-news:
		case <-time.After(time.Minute):
			return fmt.Errorf("%d of %d services came", n, services)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (e *envoy) close() {
	e.cancel()
	<-e.ended
	_ = e.conn.Close() // nothing more is sent
}
