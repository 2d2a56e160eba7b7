package consul

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"
)

// The names of a peer's services are in what Consul says of the peering, which lets nobody wait for a change of
// them: so they are polled. (catalog/services?peer= tells those of the own datacenter.) importsEvery is the
// time between two polls.
// https://developer.hashicorp.com/consul/api-docs/peering#read-a-peering-connection
const importsEvery = 5 * time.Second

const peeringPath = "/v1/peering/"

// imports give the names an index as Consul's own lists have it, that moves when they change. It goes back when the
// peering is another one, as that of a Consul which was built anew: what was imported before is gone, and comes again.
type imports struct {
	mu      sync.Mutex
	peering string // its id
	names   Listing
	first   uint64 // index with this peering
	index   uint64 // 0: they were never read
}

// firstImport is the index of the first peering's names. Those of the next ones begin below it, and stay above 1: an
// answer with 1 is one from before Consul has loaded its state.
const firstImport = 1000

// moved takes in what was read, and returns its index.
func (i *imports) moved(peering string, names Listing) uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	same := maps.EqualFunc(i.names, names, func(a, b []string) bool { return true })
	switch {
	case i.index == 0:
		i.first = firstImport
		i.index = i.first
	case peering != i.peering:
		i.first = max(i.first-1, 2)
		i.index = i.first
	case !same:
		i.index++
	}
	i.peering, i.names = peering, names
	return i.index
}

// imported asks for the names of the services that are imported from the peer. A question that waits is
// answered when they change, or when the wait is over.
func (c *Client) imported(ctx context.Context, q Question) (Listing, Reply, error) {
	began := time.Now()
	for {
		l, r, err := c.readImports(ctx)
		r.Question, r.Took = q, time.Since(began)
		if err != nil || q.Index == 0 || r.Index != q.Index || r.Took >= c.wait {
			return l, r, err
		}
		select {
		case <-ctx.Done():
			return nil, r, context.Cause(ctx)
		case <-time.After(importsEvery):
		}
	}
}

func (c *Client) readImports(ctx context.Context) (Listing, Reply, error) {
	var peering *struct {
		ID           string
		Name         string
		StreamStatus struct{ ImportedServices []string }
	}
	path := peeringPath + url.PathEscape(c.peer)
	r, err := c.get(ctx, path, Question{}, &peering)
	var status api.StatusError
	switch {
	case errors.As(err, &status) && (status.Code == http.StatusNotFound || status.Code == http.StatusForbidden):
		return nil, r, noPeering{peer: c.peer, denied: status.Code == http.StatusForbidden, err: err}
	case err != nil:
		return nil, r, err
	case peering == nil || peering.Name != c.peer:
		return nil, r, fmt.Errorf("query consul %q: %w: not a peering", path, errGarbage)
	}
	l := make(Listing, len(peering.StreamStatus.ImportedServices))
	for _, name := range peering.StreamStatus.ImportedServices {
		l[name] = nil
	}
	r.Index = c.imports.moved(peering.ID, l)
	r.Filtered, r.DefaultDeny = false, false // who may read a peering reads all of it
	return l, r, nil
}

// noPeering is the error of a peering that is not there, or that the token may not read.
type noPeering struct {
	peer   string
	denied bool
	err    error
}

func (e noPeering) Error() string { return e.err.Error() }
func (e noPeering) Unwrap() error { return e.err }

// Failure is the kind of failure that it counts as.
func (e noPeering) Failure() Failure {
	if e.denied {
		return Denied
	}
	return Unavailable
}

func (e noPeering) remedy() string {
	if e.denied {
		return peeringRemedy
	}
	return fmt.Sprintf("Consul has no peer %q: establish the peering (consul peering list shows those that there are), or put --peers right", e.peer)
}

const peeringRemedy = `give the token peering = "read", or leave out --peers`
