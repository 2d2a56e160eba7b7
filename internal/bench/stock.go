package main

import (
	"context"
	"maps"
	"net"
	"slices"
	"strconv"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"

	"legate/translate"
)

// stock is go-control-plane's SnapshotCache behind go-control-plane's server. All nodes share one
// snapshot. It runs without the cache's ADS mode, which loses updates (v0.14.0, simple.go: it drops
// a watch with names that are not in the snapshot).
type stock struct {
	counter
	cache   cache.SnapshotCache
	version int
	held    map[string]map[string]types.Resource // by type and name
}

// oneNode gives all nodes the same snapshot.
type oneNode struct{}

func (oneNode) ID(*corev3.Node) string { return "all" }

func newStock() *stock {
	return &stock{
		cache: cache.NewSnapshotCache(false, oneNode{}, nil),
		held:  map[string]map[string]types.Resource{translate.ClusterType: {}, translate.AssignmentType: {}},
	}
}

func (s *stock) prepare(c step) (func() error, error) {
	batch := c.batch
	for _, r := range batch.Set {
		m, err := translate.Decode(r)
		if err != nil {
			return nil, err
		}
		s.held[r.Type][r.Name.Name] = m
	}
	for _, n := range batch.Gone {
		delete(s.held[n.Type], n.Name)
	}
	s.version++
	lists := map[string][]types.Resource{}
	for typeURL, held := range s.held {
		lists[typeURL] = slices.Collect(maps.Values(held))
	}
	return func() error {
		snapshot, err := cache.NewSnapshot(strconv.Itoa(s.version), lists)
		if err != nil {
			return err
		}
		return s.cache.SetSnapshot(context.Background(), "all", snapshot)
	}, nil
}

func (s *stock) run(ctx context.Context, l net.Listener) error {
	return s.serve(ctx, l, s.cache)
}

// serve runs go-control-plane's server with one of its caches and counts requests.
func (c *counter) serve(ctx context.Context, l net.Listener, over cache.Cache) error {
	x := server.NewServer(ctx, over, server.CallbackFuncs{
		StreamRequestFunc:      func(int64, *discoveryv3.DiscoveryRequest) error { c.seen.Add(1); return nil },
		StreamDeltaRequestFunc: func(int64, *discoveryv3.DeltaDiscoveryRequest) error { c.seen.Add(1); return nil },
	})
	return serveGRPC(ctx, l, func(g *grpc.Server) { discoveryv3.RegisterAggregatedDiscoveryServiceServer(g, x) })
}
