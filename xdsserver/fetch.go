package xdsserver

import (
	"context"
	"errors"
	"slices"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
)

// fetcher answers single requests, as REST has them, from the snapshots.
type fetcher struct{ *Server }

var _ cache.ConfigFetcher = fetcher{}

// errNotReady: Consul was not read completely yet.
var errNotReady = errors.New("nothing to serve yet: Consul was not read completely")

// Fetch returns the resources that the request names, or all if it names none, or "*". A request whose
// version_info is the answer's gets a types.SkipFetchError: nothing changed.
func (f fetcher) Fetch(ctx context.Context, r *discoveryv3.DiscoveryRequest) (cache.Response, error) {
	select {
	case <-f.ready:
	default:
		return nil, errNotReady
	}
	st, err := f.storeFor(r.GetNode())
	if err != nil {
		return nil, err
	}
	st.mu.RLock()
	defer st.mu.RUnlock()
	t := st.table(r.GetTypeUrl())
	if t == nil {
		return nil, errors.New("type is not served: " + sane(r.GetTypeUrl()))
	}
	m := t.fetch(r.GetResourceNames())
	if r.GetVersionInfo() == m.GetVersionInfo() {
		return nil, &types.SkipFetchError{}
	}
	return &cache.PassthroughResponse{Request: r, DiscoveryResponse: m}, nil
}

// fetch makes the answer to a single request, with each name once. Its version covers just what is in it.
func (t *table) fetch(names []string) *discoveryv3.DiscoveryResponse {
	m := &discoveryv3.DiscoveryResponse{TypeUrl: t.typeURL}
	var sum digest
	all := len(names) == 0 || slices.Contains(names, wildcard)
	if all {
		sum = t.sum
		for _, e := range t.live {
			if res := e.current(); res != nil {
				m.Resources = append(m.Resources, res.message.GetResource())
			}
		}
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		var res *resource
		if e := t.entries[name]; e != nil {
			res = e.current()
		}
		switch {
		case name == wildcard, all && res != nil:
			continue
		case res == nil:
			res = t.none(name)
		}
		if res != nil {
			sum = sum.plus(digestOf(name, res.version))
			m.Resources = append(m.Resources, res.message.GetResource())
		}
	}
	m.VersionInfo = sum.String()
	return m
}
