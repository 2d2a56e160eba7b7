package parts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/hashicorp/consul/api"
)

// ConsulOptions say which Consul to start. The zero value is a dev agent, which is ready fastest
// and forgets everything when it stops.
type ConsulOptions struct {
	Path       string // the program; empty: use Find
	Datacenter string // empty: dc1
	Node       string // the agent's node name; empty: consul
	// Persistent keeps the catalog in a data directory over Stop and Start. Such a Consul needs a
	// few more seconds to elect its leader.
	Persistent bool
	// ClientOf makes the agent a client of this one, which is a server: it has no catalog of its own.
	ClientOf *Consul
	// ACL denies by default. Consul.Token is then a token with all rights: Token, or a new one.
	ACL   bool
	Token string
	// HTTPS also serves HTTPS, with Consul.Certs.
	HTTPS bool
	// DNS also serves DNS, at Consul.DNSAddr.
	DNS bool
	// UnixSocket also serves HTTP on the unix socket Consul.Socket.
	UnixSocket bool
	// HCL is added to the agent's configuration and takes precedence.
	HCL string
	// MaxConnsPerClient is Consul's limits.http_max_conns_per_client; 0: Consul's default, 200.
	MaxConnsPerClient int
}

// Consul is a Consul agent on loopback, the only server of its datacenter, or a client of that one.
type Consul struct {
	running

	Datacenter string
	Node       string
	Addr       string // host:port of HTTP
	HTTPSAddr  string // host:port of HTTPS, if asked for
	DNSAddr    string // host:port of DNS, over UDP and TCP, if asked for
	Socket     string // path of the unix socket, if asked for
	Token      string // has all rights, if ACLs were asked for
	Certs      Certs  // if HTTPS was asked for

	serf    string // host:port at which agents of the datacenter join
	path    string
	folder  *Folder
	options ConsulOptions
	client  *api.Client
}

// StartConsul starts a Consul and returns once its catalog answers.
func StartConsul(ctx context.Context, o ConsulOptions) (*Consul, error) {
	if o.Path == "" {
		path, err := ConsulProgram().Find(ctx, nil)
		if err != nil {
			return nil, err
		}
		o.Path = path
	}
	const attempts = 3 // a port may be taken before it is used
	var err error
	for range attempts {
		var c *Consul
		if c, err = newConsul(o); err != nil {
			return nil, fmt.Errorf("start consul: %w", err)
		}
		if err = c.Start(ctx); err == nil {
			return c, nil
		}
		if !logSays(c.Log(), "address already in use") {
			return nil, errors.Join(keepLog(err, c.Log()), c.folder.Remove())
		}
		err = errors.Join(err, c.folder.Remove())
	}
	return nil, err
}

func newConsul(o ConsulOptions) (*Consul, error) {
	folder, err := NewFolder()
	if err != nil {
		return nil, err
	}
	c := &Consul{
		Datacenter: orElse(o.Datacenter, "dc1"), Node: orElse(o.Node, "consul"),
		path: o.Path, folder: folder, options: o,
	}
	if err := c.configure(); err != nil {
		return nil, errors.Join(err, folder.Remove())
	}
	return c, nil
}

// Start starts the agent again, on the same ports and with the same data directory, and returns
// once its catalog answers.
func (c *Consul) Start(ctx context.Context) error {
	p, err := Start(Command{Name: "consul", Path: c.path, Args: c.args(), Log: c.Log()})
	if err != nil {
		return err
	}
	c.process = p
	if err := c.await(ctx); err != nil {
		return errors.Join(fmt.Errorf("wait for consul: %w", err), c.Kill())
	}
	return nil
}

// Log returns the agent's log file, which has all its starts.
func (c *Consul) Log() string { return filepath.Join(c.folder.Path, "consul.log") }

// Close stops the agent and removes its files.
func (c *Consul) Close() error { return errors.Join(c.Stop(), c.folder.Remove()) }

// Client returns a client with all rights. It is Consul's own client, which takes unset values from
// CONSUL_* variables of the environment (namespace and partition).
func (c *Consul) Client() *api.Client { return c.client }

// URL returns the address of the agent's HTTP API.
func (c *Consul) URL() string { return "http://" + c.Addr }

// await waits until the agent knows a leader and is in the catalog.
func (c *Consul) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	var last error
	for {
		nodes, _, err := c.client.Catalog().Nodes((&api.QueryOptions{RequireConsistent: true}).WithContext(ctx))
		if err == nil && len(nodes) > 0 {
			return nil
		}
		if err == nil {
			err = errors.New("the catalog is still empty")
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), last)
		case <-c.Done():
			return fmt.Errorf("it ended: %w", c.ended())
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// newClient returns an api.Client with connections of its own.
func (c *Consul) newClient() (*api.Client, error) {
	return api.NewClient(&api.Config{
		Address: c.Addr, Scheme: "http", Token: c.Token,
		Transport: &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: 10 * time.Second},
	})
}
