package consul

import (
	"context"
	"io"
	"net/http"

	"legate/discovery/catalog"
)

// At is a client that asks the same agent about another site, with the same token, over the same connections, of
// which it has a share: a site that hangs takes nothing from another one. It is closed before this client.
func (c *Client) At(site catalog.Site) (*Client, error) {
	other := &Client{
		token: c.token, address: c.address, pool: c.pool, wait: c.wait, limit: c.limit, credentials: c.credentials,
		datacenter: site.Datacenter, peer: site.Peer, shares: c.shares, share: c.shares.add(), sibling: true,
		transport: c.transport, config: c.config,
	}
	if c.pool != nil {
		other.transport = lane{c.pool, other.share}
	}
	return other, other.connect()
}

// Want says how many questions could be under way at once if there were room for all.
func (c *Client) Want(n int) { c.shares.wants(c.share, n) }

// CapacityChanges is a number that is another one when Capacity is, as far as Want has use for it.
func (c *Client) CapacityChanges() uint64 { return c.share.changes.Load() }

// Shared says that the connections are for other sites, too.
func (c *Client) Shared() bool { return c.shares.several() }

// room is how many questions can be under way at once over all connections.
func (c *Client) room() int {
	if c.pool == nil {
		return c.limit
	}
	return c.pool.capacity()
}

// gate lets a client's requests pass as far as its share allows.
type gate struct {
	next   http.RoundTripper
	client *Client
}

func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if g.client.sibling && WantsOldConnection(ctx) { // that one is kept for the own datacenter's canary
		req = req.WithContext(context.WithValue(ctx, oldConnection{}, nil))
	} else if WantsOldConnection(ctx) {
		return g.next.RoundTrip(req)
	}
	release, err := g.client.shares.acquire(ctx, g.client.share)
	if err != nil {
		return nil, err
	}
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		release()
		return nil, err
	}
	resp.Body = &releasing{resp.Body, release}
	return resp, nil
}

// releasing is a body that gives a place back when it is closed.
type releasing struct {
	io.ReadCloser
	release func()
}

func (b *releasing) Close() error {
	defer b.release()
	return b.ReadCloser.Close()
}
