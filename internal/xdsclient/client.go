package xdsclient

import (
	"context"
	"iter"
	"math/rand/v2"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

// Client is one client of one server.
type Client struct {
	cfg    Config
	held   *held
	synced bool
}

// New starts nothing.
func New(cfg Config) *Client { return &Client{cfg: cfg, held: newHeld(cfg.MaxBytes)} }

// All are the names that the client has something of, sorted, and what it holds. It is for the handler.
func (c *Client) All() iter.Seq2[string, State] { return c.held.all() }

// Run connects, and tells what it gets, one event after the other, until the context is done or the
// handler returns an error, which it returns. Another error is that the resources take too much memory. It
// may be called once.
func (c *Client) Run(ctx context.Context, tell func(Event) error) error {
	pause, before := c.cfg.Backoff, false
	for {
		s := stream{client: c, tell: tell, again: before}
		cause := s.run(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case s.fatal != nil:
			return s.fatal
		}
		if !c.synced { // what was sent may be a part
			c.held = newHeld(c.cfg.MaxBytes)
		}
		before = before || s.opened
		if s.heard {
			pause = c.cfg.Backoff
		}
		wait := max(pause/2+rand.N(pause/2+1), retryOf(cause))
		if err := tell(Lost{cause, wait}); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		pause = min(2*pause, c.cfg.MaxBackoff)
	}
}

// retryOf is how long the server asks its client to wait.
func retryOf(err error) time.Duration {
	for _, d := range status.Convert(err).Details() {
		if r, ok := d.(*errdetails.RetryInfo); ok {
			return r.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// How often a silent connection is checked, and how long the answer may take.
const (
	pingEvery   = 30 * time.Second
	pingTimeout = 10 * time.Second
)

// open opens a connection and a stream on it.
func (c *Client) open(ctx context.Context) (discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesClient, func(), error) {
	secure := insecure.NewCredentials()
	if c.cfg.TLS != nil {
		t, err := c.cfg.TLS()
		if err != nil {
			return nil, nil, err
		}
		secure = credentials.NewTLS(t)
	}
	conn, err := grpc.NewClient(target(c.cfg.Address), grpc.WithTransportCredentials(secure), grpc.WithNoProxy(),
		grpc.WithUserAgent(c.cfg.Node.GetUserAgentName()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxResponse)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingEvery, Timeout: pingTimeout}))
	if err != nil {
		return nil, nil, err
	}
	end := func() { _ = conn.Close() } // nothing is sent any more
	s, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	if err != nil {
		end()
		return nil, nil, err
	}
	return s, end, nil
}
