package xdsserver

import (
	"context"
	"errors"
	"slices"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"legate/translate"
	"legate/xdsserver/admission"
)

// fetcher answers single requests, as REST and gRPC's unary calls have them, from the snapshots.
type fetcher struct{ *Server }

var _ cache.ConfigFetcher = fetcher{}

var (
	// errNotReady: Consul was not read completely yet.
	errNotReady = status.Error(codes.Unavailable, "nothing to serve yet: Consul was not read completely")
	// errNotRead: the client keeps what it has, as with errNotReady.
	errNotRead = status.Error(codes.Unavailable, "nothing to serve yet: Consul has not answered for what is asked for")
	// errUnchanged is what REST has the status 304 for. The protocol asks for no response then, and an
	// empty one would say that all is gone.
	errUnchanged = status.Error(codes.FailedPrecondition, "unchanged: what was asked for is as version_info says")
)

// The outcomes of a single request, for its metric.
const (
	fetchOK          = "ok"
	fetchNotModified = "not_modified"
	fetchError       = "error"
)

// fetch answers a single request for a type, whatever way it came in, within the limits. encode
// makes of the response what is sent; the bytes that it makes are held by the answer, which is the caller's
// to release, and its alone if there is no error. Errors have a gRPC status.
func (s *Server) fetch(ctx context.Context, from *admission.Address, typeURL string, r *discoveryv3.DiscoveryRequest,
	encode func(*admission.Answer, *discoveryv3.DiscoveryResponse) error) (a *admission.Answer, err error) {
	defer func() { s.metrics.Fetch(typeURL, outcome(err)) }()
	if asked := r.GetTypeUrl(); asked != "" && asked != typeURL {
		return nil, status.Errorf(codes.InvalidArgument, "this serves %q, not %q", typeURL, sane(asked))
	}
	if err := checkNames(r.GetResourceNames(), s.config.MaxNames); err != nil {
		return nil, err
	}
	if err := checkNode(r.GetNode(), &s.config.Limits); err != nil {
		return nil, err
	}
	r.TypeUrl = typeURL
	if err := s.awaitNames(ctx, r); err != nil {
		return nil, err
	}
	if err := s.admission.AdmitFetch(ctx); err != nil {
		return nil, err
	}
	defer s.admission.ReleaseFetch()
	m, err := s.xds.Fetch(ctx, r)
	if same := new(types.SkipFetchError); errors.As(err, &same) {
		err = errUnchanged
	}
	if err == nil || errors.Is(err, errUnchanged) {
		s.polls.note(from.String(), r.GetNode().GetId(), typeURL, err != nil, time.Now())
	}
	if err != nil {
		return nil, err
	}
	a = s.admission.NewAnswer(from)
	if err = a.Grow(sizeOf(m)); err == nil {
		err = encode(a, m)
	}
	if err != nil {
		a.Release()
		return nil, err
	}
	return a, nil
}

func outcome(err error) string {
	switch {
	case err == nil:
		return fetchOK
	case errors.Is(err, errUnchanged):
		return fetchNotModified
	}
	return fetchError
}

// Fetch returns the resources that the request names, or all if it names none, or "*". A request whose
// version_info is the answer's gets a types.SkipFetchError: nothing changed.
func (f fetcher) Fetch(_ context.Context, r *discoveryv3.DiscoveryRequest) (cache.Response, error) {
	st, t, err := f.tableFor(r)
	if err != nil {
		return nil, err
	}
	place := placeOf(r.GetNode(), st.view.Datacenter)
	if place != (translate.Place{}) {
		st.prepare(place)
	}
	st.mu.RLock()
	defer st.mu.RUnlock()
	m := t.fetch(r.GetResourceNames(), place)
	switch has := r.GetVersionInfo(); {
	case has == m.GetVersionInfo():
		return nil, &types.SkipFetchError{}
	case has != "" && f.awaitsAll(t, r.GetResourceNames()):
		return nil, errNotRead
	}
	return &cache.PassthroughResponse{Request: r, DiscoveryResponse: m}, nil
}

// tableFor is what a single request is answered from.
func (s *Server) tableFor(r *discoveryv3.DiscoveryRequest) (*store, *table, error) {
	select {
	case <-s.ready:
	default:
		return nil, nil, errNotReady
	}
	st, err := s.storeFor(r.GetNode())
	if err != nil {
		return nil, nil, err
	}
	t := st.table(r.GetTypeUrl())
	if t == nil {
		return nil, nil, status.Errorf(codes.Unimplemented, "type is not served: %s", sane(r.GetTypeUrl()))
	}
	return st, t, nil
}

// fetch makes the answer to a single request, with each name once. Its version covers just what is in
// it. The resources are those that everybody shares, but for what is made for names that Consul has
// not: as much as the names take.
func (t *table) fetch(names []string, place translate.Place) *discoveryv3.DiscoveryResponse {
	m := &discoveryv3.DiscoveryResponse{TypeUrl: t.typeURL}
	var sum digest
	all := len(names) == 0 || slices.Contains(names, wildcard)
	if all {
		sum = t.sum
		for _, e := range t.live {
			res := e.res.at(place)
			if res != e.res {
				sum = sum.minus(digestOf(e.name, e.res.version)).plus(digestOf(e.name, res.version))
			}
			m.Resources = append(m.Resources, res.message.GetResource())
		}
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		var res *resource
		if e := t.entries[name]; e != nil {
			res = e.res.at(place)
		}
		switch {
		case name == wildcard, all && res != nil:
			continue
		case res == nil:
			res = t.standIn(name)
		}
		if res != nil {
			sum = sum.plus(digestOf(name, res.version))
			m.Resources = append(m.Resources, res.message.GetResource())
		}
	}
	m.VersionInfo = sum.String()
	return m
}

// sizeOf is how many bytes a response's resources have.
func sizeOf(m *discoveryv3.DiscoveryResponse) (bytes int) {
	for _, a := range m.GetResources() {
		bytes += sizeOfAny(a)
	}
	return bytes
}
