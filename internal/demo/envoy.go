package demo

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// hasCluster reports whether Envoy has a cluster for the service.
func (s *stage) hasCluster(ctx context.Context, service string) bool {
	clusters, err := s.envoy.Clusters(ctx)
	_, ok := clusters[service]
	return ok || err != nil // an Envoy that does not answer has removed nothing
}

// gone is the health of an endpoint that Envoy does not have.
const gone = "gone"

// health returns Envoy's EDS health status of the instance, or gone.
func (s *stage) health(ctx context.Context, service, instance string) (string, error) {
	clusters, err := s.envoy.Clusters(ctx)
	if err != nil {
		return "", err
	}
	for _, e := range clusters[service].Endpoints {
		if e.Address == s.backends[instance].Addr {
			return e.Health, nil
		}
	}
	return gone, nil
}

// leftAlone waits until Envoy has the instance at this health and sends it no more requests, and
// returns how long after since both were true.
func (s *stage) leftAlone(ctx context.Context, service, instance, health string, since time.Time) (time.Duration, error) {
	var last string
	var err error
	waited := wait(ctx, timeout, func() bool {
		last, err = s.health(ctx, service, instance)
		return err == nil && last == health
	})
	if waited != nil {
		return 0, fmt.Errorf("envoy has %s as %q: %w", instance, last, errors.Join(err, waited))
	}
	took := time.Since(since)
	after, err := s.traffic.awaitUnused(ctx, instance, since)
	return max(took, after), err
}

// connected reports whether Envoy has a stream to Legate.
func connected(ctx context.Context, s *stage) bool {
	const state = "control_plane.connected_state"
	stats, err := s.envoy.Stats(ctx, "^"+state+"$")
	return err == nil && stats[state] == 1
}

// clustersBuilt returns how many clusters Envoy has added or rebuilt since its start.
func clustersBuilt(ctx context.Context, s *stage) (int, error) {
	stats, err := s.envoy.Stats(ctx, `^cluster_manager\.cluster_(added|modified)$`)
	if err != nil {
		return 0, err
	}
	if stats["cluster_manager.cluster_added"] == 0 {
		return 0, errors.New("envoy does not say how many clusters it has added")
	}
	return stats["cluster_manager.cluster_added"] + stats["cluster_manager.cluster_modified"], nil
}
