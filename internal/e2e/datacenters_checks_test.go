package e2e_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// answersLate are health checks of Envoy's own that wait for an answer for as long as a story lasts.
const answersLate = `health_checks: [{type: http, path: /healthz, timeout: 5m, interval: 1s, no_traffic_interval: 1s}]`

// emptiedWhileChecked: the last instance of one place after the other is deregistered, and the own one comes back, while
// Envoy checks endpoints itself. Their priorities change by that. From then on no check is answered: an endpoint that had
// to pass another one because of its new priority would be no target, and requests would fail.
func emptiedWhileChecked(service, when string) farStory {
	var checks sync.RWMutex // locked: they are not answered
	var dc2, dc3 string
	return farStory{
		name: "the last local instance is deregistered, with health checks, " + when, routes: []string{service},
		rules: "- match: {names: [" + service + "]}\n  failover: [dc2, dc3]\n  failover_when: " + when + "\n  " + answersLate + "\n",
		register: func(t *testing.T, d *datacenters) {
			d.registerChecked(t, service, service+"-dc1", &checks)
			dc2 = d.dc2.registerChecked(t, service, service+"-dc2", &checks)
			dc3 = d.dc3.registerChecked(t, service, service+"-dc3", &checks)
		},
		show: func(t *testing.T, d *datacenters) {
			d.passed(t, service, 3)
			d.answered(t, service, service+"-dc1")
			d.ranked(t, service, dc3, 2)
			f := visit(t, d.envoys[0], service)
			checks.Lock()
			answer := sync.OnceFunc(checks.Unlock)
			defer answer()

			d.deregister(t, service+"-dc1")
			d.answered(t, service, service+"-dc2")
			d.ranked(t, service, dc2, 0)
			f.goesOn(t)
			d.dc2.deregister(t, service+"-dc2")
			d.answered(t, service, service+"-dc3")
			d.ranked(t, service, dc3, 0)
			f.goesOn(t)

			back := d.registerChecked(t, service, service+"-back", &checks)
			d.ranked(t, service, back, 0)
			d.ranked(t, service, dc3, 1)
			d.answered(t, service, service+"-dc3") // the new one is none before it has passed
			f.goesOn(t)
			answer()
			d.answered(t, service, service+"-back")
			f.goesOn(t)
		},
	}
}

// movesAwayChecked: a service that was here alone moves to dc2, whose instance has passed Envoy's checks by then and gets
// the priority of those here without another one.
func movesAwayChecked() farStory {
	const service = "nomad"
	var checks sync.RWMutex // as above
	return farStory{
		name: "a service moves to another datacenter, with health checks", routes: []string{service},
		rules: "- match: {names: [" + service + "]}\n  failover: nearest\n  " + answersLate + "\n",
		register: func(t *testing.T, d *datacenters) {
			d.registerChecked(t, service, "nomad-1", &checks)
			d.registerChecked(t, service, "nomad-2", &checks)
		},
		show: func(t *testing.T, d *datacenters) {
			d.passed(t, service, 2)
			d.answered(t, service, "nomad-1", "nomad-2")
			f := visit(t, d.envoys[0], service)
			far := d.dc2.registerChecked(t, service, "nomad-new", &checks)
			d.ranked(t, service, far, 1)
			d.passed(t, service, 3)
			checks.Lock()
			defer checks.Unlock()

			d.deregister(t, "nomad-1")
			d.answered(t, service, "nomad-2")
			d.deregister(t, "nomad-2")
			d.answered(t, service, "nomad-new")
			d.ranked(t, service, far, 0)
			f.goesOn(t)
		},
	}
}

// registerChecked registers an instance whose health checks are answered while the lock is free.
func (s *stage) registerChecked(t *testing.T, service, instance string, checks *sync.RWMutex) (addr string) {
	t.Helper()
	return s.registerServer(t, service, instance, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			checks.RLock()
			defer checks.RUnlock()
		}
		fmt.Fprint(w, instance)
	}, nil).Listener.Addr().String()
}

// passed waits until so many endpoints of the cluster have passed Envoy's checks.
func (d *datacenters) passed(t *testing.T, cluster string, n int) {
	t.Helper()
	eventually(t, func() error { return d.envoys[0].reaches(t, "cluster."+cluster+".membership_healthy", n) })
}

// ranked waits until Envoy has the endpoint with this priority.
func (d *datacenters) ranked(t *testing.T, cluster, addr string, priority int) {
	t.Helper()
	eventually(t, func() error {
		all, err := d.envoys[0].endpoints(cluster)
		if err != nil {
			return err
		}
		if e, is := all[addr]; !is || e.Priority != priority {
			return fmt.Errorf("%s of %s is %+v, want priority %d", addr, cluster, e, priority)
		}
		return nil
	})
}
