package consul

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/hashicorp/consul/api"

	"legate/discovery/catalog"
)

const configPath = "/v1/config/"

// Entries asks for all config entries of a kind. What the token may not read is left out; such an answer
// is Filtered, unless there is no token. proxy-defaults can be read by every token, the other kinds with
// service:read on the entry's name.
// https://developer.hashicorp.com/consul/api-docs/config#list-configurations
func (c *Client) Entries(ctx context.Context, kind string, q Question) ([]catalog.Entry, Reply, error) {
	var said []configEntry
	path := configPath + kind
	r, err := c.get(ctx, path, q, &said)
	switch {
	case err != nil:
	case said == nil:
		err = fmt.Errorf("query consul %q: %w: not a list", path, errGarbage)
	case slices.ContainsFunc(said, func(e configEntry) bool { return e.Kind != kind }):
		err = fmt.Errorf("query consul %q: %w", path, errForeign)
	}
	if err != nil {
		return nil, r, err
	}
	entries := make([]catalog.Entry, len(said))
	for i := range said {
		entries[i] = entryOf(&said[i])
	}
	slices.SortFunc(entries, func(a, b catalog.Entry) int { return a.Key.Compare(b.Key) })
	return entries, r, nil
}

// Found is what Consul says of a config entry that was asked for by its name.
type Found uint8

// An entry is There, or it is Missing, which Consul says only to who may read it, or it is Hidden: there or
// not, the token may not read it.
const (
	There Found = iota
	Missing
	Hidden
)

// Entry asks for one config entry by its name.
// https://developer.hashicorp.com/consul/api-docs/config#get-configuration
func (c *Client) Entry(ctx context.Context, key catalog.EntryKey, q Question) (catalog.Entry, Found, error) {
	var said configEntry
	path := configPath + key.Kind + "/" + key.Name
	_, err := c.get(ctx, path, q, &said)
	var status api.StatusError
	switch is := errors.As(err, &status); {
	case err == nil && (said.Kind != key.Kind || nameOfEntry(said.Name) != key.Name):
		return catalog.Entry{}, There, fmt.Errorf("query consul %q: %w", path, errForeign)
	case err == nil:
		return entryOf(&said), There, nil
	case is && status.Code == http.StatusNotFound && strings.Contains(status.Body, "Config entry not found"):
		return catalog.Entry{}, Missing, nil
	case is && status.Code == http.StatusForbidden && strings.Contains(status.Body, "lacks permission"):
		return catalog.Entry{}, Hidden, nil
	}
	return catalog.Entry{}, There, err
}
