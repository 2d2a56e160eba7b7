package discovery

import (
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/guard"
)

// guardedConfig has the guard as users have it.
func guardedConfig() Config {
	cfg := fakeConfig()
	cfg.Consul.MaxConnections = 5000
	cfg.Guard, cfg.Watch.Canary = guard.DefaultConfig(), DefaultConfig().Watch.Canary
	return cfg
}

// many is so many services with so many instances each.
func many(services, instances int) *fakeConsul {
	fake := newFakeConsul()
	for n := range services {
		fake.put(name(n), 0, instances, "passing")
	}
	return fake
}

// size is what the service has now; -1 if it is not in the catalog.
func (r *reader) size(name string) int {
	synctest.Wait()
	c, _ := r.now()
	s, ok := r.service(c, name)
	if !ok {
		return -1
	}
	return len(s.Instances)
}

// instances is how many there are in all.
func (r *reader) instances() (n int) {
	synctest.Wait()
	c, _ := r.now()
	for _, s := range c.Services {
		n += len(s.Instances)
	}
	return n
}

// until says how long it took to come true, at the resolution of a tenth of a second.
func until(t *testing.T, atMost time.Duration, is func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !is() {
		if time.Since(began) > atMost {
			t.Fatalf("not within %v", atMost)
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
	}
	return time.Since(began)
}
