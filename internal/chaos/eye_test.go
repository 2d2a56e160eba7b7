package chaos_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// eye samples the Envoys' clusters during a fault, and records endpoints that were missing or not
// healthy in any sample.
type eye struct {
	end, ended chan struct{}

	mu      sync.Mutex
	samples int
	lost    map[string]bool
	ill     map[string]bool
}

const sampleEvery = 200 * time.Millisecond

func (s *scene) watch() *eye {
	w := &eye{end: make(chan struct{}), ended: make(chan struct{}), lost: map[string]bool{}, ill: map[string]bool{}}
	go func() {
		defer close(w.ended)
		for {
			for _, e := range s.envoys {
				w.look(s, e)
			}
			select {
			case <-w.end:
				return
			case <-time.After(sampleEvery):
			}
		}
	}()
	return w
}

// look takes a sample. An Envoy that does not answer, because it was killed, counts as having lost
// nothing.
func (w *eye) look(s *scene, e *envoy) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	clusters, err := e.Clusters(ctx)
	if err != nil || !e.complete.Load() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.samples++
	for service, endpoints := range s.base {
		has := map[string]string{}
		for _, p := range clusters[service].Endpoints {
			has[p.Address] = p.Health
		}
		for _, addr := range endpoints {
			switch health, there := has[addr]; {
			case !there:
				w.lost[e.name+": "+service+" "+addr] = true
			case health != "HEALTHY" && service != own:
				w.ill[e.name+": "+service+" "+addr+" "+health] = true
			}
		}
	}
}

func (w *eye) close() (samples int, lost, ill []string) {
	close(w.end)
	<-w.ended
	return w.samples, slices.Sorted(maps.Keys(w.lost)), slices.Sorted(maps.Keys(w.ill))
}
