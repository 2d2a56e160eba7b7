package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"legate/translate"
)

// envoy is one incremental ADS stream that acknowledges everything.
type envoy struct {
	conn   *grpc.ClientConn
	cancel context.CancelFunc
	ended  chan struct{}

	sending sync.Mutex
	stream  discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesClient

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

// openEnvoy opens a stream that subscribes to everything.
func openEnvoy(ctx context.Context, address string) (*envoy, error) {
	e, err := openStream(ctx, address)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(e.ask(translate.ClusterType, "*"), e.ask(translate.AssignmentType, "*")); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// openStream opens a stream that subscribes to nothing yet.
func openStream(ctx context.Context, address string) (*envoy, error) {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<30)))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	if err != nil {
		cancel()
		_ = conn.Close() // the first error matters more
		return nil, err
	}
	e := &envoy{conn: conn, cancel: cancel, stream: stream, ended: make(chan struct{}), seen: map[string]seen{}, news: make(chan struct{})}
	go e.read()
	return e, nil
}

// ask subscribes to a name.
func (e *envoy) ask(typeURL, name string) error {
	return e.send(&discoveryv3.DeltaDiscoveryRequest{Node: &corev3.Node{Id: "scale"}, TypeUrl: typeURL, ResourceNamesSubscribe: []string{name}})
}

func (e *envoy) send(r *discoveryv3.DeltaDiscoveryRequest) error {
	e.sending.Lock()
	defer e.sending.Unlock()
	return e.stream.Send(r)
}

func (e *envoy) read() {
	defer close(e.ended)
	for {
		r, err := e.stream.Recv()
		now := time.Now()
		if err == nil {
			err = e.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.TypeUrl, ResponseNonce: r.Nonce})
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
