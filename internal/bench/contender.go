package main

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"

	"legate/discovery/catalog"
	"legate/translate"
	"legate/xdsserver"
)

// contender is a server under measurement.
type contender interface {
	// prepare makes a step ready, which is not measured. It returns a function that applies it.
	prepare(s step) (apply func() error, err error)
	// run serves until the context is done.
	run(ctx context.Context, l net.Listener) error
	// requests returns how many requests of clients were read.
	requests() uint64
}

// step is one change of the fleet: what Consul says, and what becomes of it.
type step struct {
	delta catalog.Delta
	batch translate.Batch
}

// Names of the contenders in tables.
const (
	floorName  = "floor"
	legateName = "legate"
	stockName  = "snapshot" // go-control-plane's SnapshotCache behind its own server
	linearName = "linear"   // go-control-plane's LinearCaches behind a MuxCache and its own server
)

func newContender(name string, f fleet) (contender, error) {
	switch name {
	case floorName:
		return newFloor(f), nil
	case legateName:
		return newLegate()
	case bridgedName:
		return newBridged(false, 0)
	case explainedName:
		return newBridged(true, 0)
	case watchedName:
		return newBridged(true, 10)
	case stockName:
		return newStock(), nil
	case linearName:
		return newLinear(), nil
	}
	return nil, fmt.Errorf("contender %q: there is none of that name", name)
}

// serveGRPC runs a gRPC server with Legate's options and more until the context is done.
func serveGRPC(ctx context.Context, l net.Listener, register func(*grpc.Server), more ...grpc.ServerOption) error {
	g := grpc.NewServer(append(xdsserver.DefaultConfig().ServerOptions(), more...)...)
	register(g)
	defer context.AfterFunc(ctx, g.Stop)()
	return g.Serve(l)
}

// counter counts requests in callbacks.
type counter struct{ seen atomic.Uint64 }

func (c *counter) requests() uint64 { return c.seen.Load() }
