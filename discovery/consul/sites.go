package consul

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/hashicorp/consul/api"
)

// Datacenters asks for the names of all datacenters that the agent's servers know, reached or not, the
// nearest by round-trip time first.
// https://developer.hashicorp.com/consul/api-docs/catalog#list-datacenters
func (c *Client) Datacenters(ctx context.Context) ([]string, error) {
	var names []string
	const path = "/v1/catalog/datacenters"
	_, err := c.get(ctx, path, Question{}, &names)
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("query consul %q: %w: no datacenter in it", path, errGarbage)
	}
	return names, err
}

// Peers asks for the names of the own datacenter's peers, in order. It takes peering:read.
// https://developer.hashicorp.com/consul/api-docs/peering#list-all-peerings
func (c *Client) Peers(ctx context.Context) ([]string, error) {
	var all []struct{ Name string }
	const path = "/v1/peerings"
	_, err := c.get(ctx, path, Question{}, &all)
	var status api.StatusError
	if errors.As(err, &status) && status.Code == http.StatusForbidden {
		err = noPeering{denied: true, err: err}
	}
	if err == nil && all == nil {
		err = fmt.Errorf("query consul %q: %w: not a list", path, errGarbage)
	}
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Name
	}
	slices.Sort(names)
	return names, err
}
