package main

import (
	"context"
	"net"

	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"

	"legate/translate"
)

// linear is one go-control-plane LinearCache per type, joined by a MuxCache.
type linear struct {
	counter
	caches map[string]*cache.LinearCache
}

func newLinear() *linear {
	l := &linear{caches: map[string]*cache.LinearCache{}}
	for _, typeURL := range []string{translate.ClusterType, translate.AssignmentType} {
		l.caches[typeURL] = cache.NewLinearCache(typeURL)
	}
	return l
}

func (l *linear) prepare(c step) (func() error, error) {
	batch := c.batch
	set, gone := map[string]map[string]types.Resource{}, map[string][]string{}
	for typeURL := range l.caches {
		set[typeURL] = map[string]types.Resource{}
	}
	for _, r := range batch.Set {
		m, err := translate.Decode(r)
		if err != nil {
			return nil, err
		}
		set[r.Type][r.Name.Name] = m
	}
	for _, n := range batch.Gone {
		gone[n.Type] = append(gone[n.Type], n.Name)
	}
	return func() error {
		for _, typeURL := range []string{translate.ClusterType, translate.AssignmentType} {
			if len(set[typeURL])+len(gone[typeURL]) == 0 {
				continue
			}
			if err := l.caches[typeURL].UpdateResources(set[typeURL], gone[typeURL]); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

func (l *linear) run(ctx context.Context, listener net.Listener) error {
	mux := &cache.MuxCache{
		Classify:      func(r *cache.Request) string { return r.GetTypeUrl() },
		ClassifyDelta: func(r *cache.DeltaRequest) string { return r.GetTypeUrl() },
		Caches:        map[string]cache.Cache{},
	}
	for typeURL, c := range l.caches {
		mux.Caches[typeURL] = c
	}
	return l.serve(ctx, listener, mux)
}
