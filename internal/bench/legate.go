package main

import (
	"context"
	"log/slog"
	"net"
	"runtime"

	"legate/metrics"
	"legate/xdsserver"
)

// legate is the server as "legate serve" runs it: with metrics, without debug logs.
type legate struct {
	server  *xdsserver.Server
	metrics *metrics.Metrics
}

func newLegate() (*legate, error) {
	m := metrics.New(metrics.BuildInfo{Version: "bench", GoVersion: runtime.Version()})
	config := xdsserver.DefaultConfig()
	config.Identifier = "bench"
	// The benchmark measures storms, not how fast streams are admitted.
	config.Limits.NewStreams, config.Limits.NewStreamsBurst = 1_000_000, 1_000_000
	s, err := xdsserver.New(config, slog.New(slog.DiscardHandler), m.XDS)
	if err != nil {
		return nil, err
	}
	return &legate{s, m}, nil
}

func (l *legate) prepare(c step) (func() error, error) {
	batch := c.batch
	return func() error {
		l.server.Publish(xdsserver.View{Datacenter: datacenter, Kind: xdsserver.Envoy}, batch)
		return nil
	}, nil
}

func (l *legate) run(ctx context.Context, listener net.Listener) error {
	return l.server.Run(ctx, listener, nil)
}

func (l *legate) requests() uint64 {
	t := l.metrics.XDS.Totals()
	return t.Requests + t.DeltaRequests
}
