package parts

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/consul/api"
)

// Instance is a service instance to register with the agent. For anything more, use the Client.
type Instance struct {
	ID      string // empty: as Service
	Service string
	Address string // empty: the node's
	Port    int
	Socket  string // path of a unix socket, instead of Address and Port
	Weight  int    // while passing; 0: 1
	Warning int    // while warning; 0: 1, below 0: 0
	Tags    []string
	Meta    map[string]string
	Region  string // where it stands; empty: its node's
	Zone    string
}

// Register registers the instance as passing, with a check that SetHealth changes.
func (c *Consul) Register(ctx context.Context, i Instance) error {
	i.ID = orElse(i.ID, i.Service)
	warning := i.Warning
	switch {
	case warning == 0:
		warning = 1
	case warning < 0:
		warning = 0
	}
	var locality *api.Locality
	if i.Region != "" {
		locality = &api.Locality{Region: i.Region, Zone: i.Zone}
	}
	err := c.client.Agent().ServiceRegisterOpts(&api.AgentServiceRegistration{
		ID: i.ID, Name: i.Service, Address: i.Address, Port: i.Port, SocketPath: i.Socket,
		Weights: &api.AgentWeights{Passing: max(1, i.Weight), Warning: warning},
		Tags:    i.Tags, Meta: i.Meta, Locality: locality,
		// The TTL is longer than any test, so only SetHealth changes the check.
		Check: &api.AgentServiceCheck{CheckID: checkOf(i.ID), TTL: (24 * time.Hour).String(), Status: api.HealthPassing},
	}, api.ServiceRegisterOpts{}.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("register %q: %w", i.ID, err)
	}
	// A restarted agent treats a check as critical until it has been updated.
	return c.SetHealth(ctx, i.ID, api.HealthPassing)
}

// SetHealth sets the instance's check to passing, warning or critical.
func (c *Consul) SetHealth(ctx context.Context, id, status string) error {
	err := c.client.Agent().UpdateTTLOpts(checkOf(id), "", status, query(ctx))
	if err != nil {
		return fmt.Errorf("set %q to %s: %w", id, status, err)
	}
	return nil
}

// SetMaintenance turns maintenance of the instance on or off.
func (c *Consul) SetMaintenance(ctx context.Context, id string, on bool) error {
	agent, err := c.client.Agent(), error(nil)
	if on {
		err = agent.EnableServiceMaintenanceOpts(id, "by hand", query(ctx))
	} else {
		err = agent.DisableServiceMaintenanceOpts(id, query(ctx))
	}
	if err != nil {
		return fmt.Errorf("maintenance of %q: %w", id, err)
	}
	return nil
}

// Deregister removes the instance.
func (c *Consul) Deregister(ctx context.Context, id string) error {
	if err := c.client.Agent().ServiceDeregisterOpts(id, query(ctx)); err != nil {
		return fmt.Errorf("deregister %q: %w", id, err)
	}
	return nil
}

func checkOf(id string) string { return "check:" + id }

func query(ctx context.Context) *api.QueryOptions {
	return (&api.QueryOptions{}).WithContext(ctx)
}
