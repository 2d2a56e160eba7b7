package parts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/consul/api"
)

// Establish makes the peering, and returns when it is active. It may be called again after Forsake.
func (f *Federation) Establish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	first := f.Consuls[0]
	s := f.sites[first]
	token, _, err := first.client.Peerings().GenerateToken(ctx, api.PeeringGenerateTokenRequest{
		PeerName: f.options.Peer, ServerExternalAddresses: []string{joinHostPort(s.gate, s.tls)},
	}, nil)
	if err != nil {
		return fmt.Errorf("peering token: %w", err)
	}
	// A datacenter that is not the primary one can be called once the primary has certified it.
	for {
		_, _, err = f.Peer.client.Peerings().Establish(ctx, api.PeeringEstablishRequest{PeerName: first.Datacenter, PeeringToken: token.PeeringToken}, nil)
		if err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("establish peering: %w", errors.Join(ctx.Err(), err))
		case <-time.After(20 * time.Millisecond):
		}
	}
	return f.awaitPeering(ctx, "is active", func(p *api.Peering) bool { return p != nil && p.State == api.PeeringStateActive })
}

// Forsake deletes the peering on both sides, and returns when Consul knows it no more. A side that hears from the other
// that it has ended it, just as it is told to delete it, may forget the latter: so it is told again.
func (f *Federation) Forsake(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	first := f.Consuls[0]
	for {
		_, err := first.client.Peerings().Delete(ctx, f.options.Peer, nil)
		_, other := f.Peer.client.Peerings().Delete(ctx, first.Datacenter, nil)
		if err := errors.Join(err, other); err != nil {
			return fmt.Errorf("delete peering: %w", err)
		}
		patience, done := context.WithTimeout(ctx, 10*time.Second)
		err = f.awaitPeering(patience, "is gone", func(p *api.Peering) bool { return p == nil })
		done()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
}

// awaitPeering waits for a state of the peering, as both sides see it; nil is none.
func (f *Federation) awaitPeering(ctx context.Context, what string, is func(*api.Peering) bool) error {
	first := f.Consuls[0]
	for {
		here, _, err := first.client.Peerings().Read(ctx, f.options.Peer, nil)
		there, _, other := f.Peer.client.Peerings().Read(ctx, first.Datacenter, nil)
		if err = errors.Join(err, other); err == nil && is(here) && is(there) {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("wait until peering %q %s: %w", f.options.Peer, what, ctx.Err()), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Export has the peer export these services to the first datacenter, and no others.
func (f *Federation) Export(ctx context.Context, services ...string) error {
	entry := &api.ExportedServicesConfigEntry{Name: "default"}
	for _, s := range services {
		entry.Services = append(entry.Services, api.ExportedService{
			Name: s, Consumers: []api.ServiceConsumer{{Peer: f.Consuls[0].Datacenter}},
		})
	}
	_, _, err := f.Peer.client.ConfigEntries().Set(entry, (&api.WriteOptions{}).WithContext(ctx))
	return err
}
