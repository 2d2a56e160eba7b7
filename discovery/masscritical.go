package discovery

import (
	"fmt"

	"legate/discovery/catalog"
	"legate/discovery/guard"
)

// MassCritical changes what becomes of instances that turn critical with most of the datacenter:
// guard.Believe or guard.ServeAll, see [guard.Config]. It may be called at any time, does not wait, and
// holds for those that have turned already.
func (w *Watcher) MassCritical(policy string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.policies: // one that the loop has not seen
	default:
	}
	w.policies <- policy
}

// showMass says whether most of the datacenter turned critical, and what becomes of it: once in the
// log, and for as long as it is so among the problems.
func (r *report) showMass(g *guard.State) {
	m, is := g.Mass()
	if is != r.isMass {
		r.isMass = is
		r.w.metrics.MassCritical(is)
		if is {
			r.w.log.Error("most of the datacenter turned critical at once", "critical", m.Onsets, "of", m.Of,
				"services", m.Services, "policy", m.Policy)
		} else {
			r.w.setMass(nil)
			r.w.log.Info("no longer most of the datacenter is critical", "critical", m.Onsets, "of", m.Of)
		}
	}
	if !is || m == r.mass {
		return
	}
	r.mass = m
	remedy := "look at the health checks and Consul's agents; --mass-critical serve-all, in the configuration file without a restart, keeps such instances in service"
	if m.Policy == guard.ServeAll {
		remedy = "look at the health checks and Consul's agents; what turned critical is served as it was before"
	}
	r.w.setMass(&catalog.Problem{
		Kind: "mass_critical", Since: m.Since, Services: m.Services,
		Detail: fmt.Sprintf("%d of %d instances are critical, and %d of these turned so together, most within %v, which looks like the health checks' own failure; policy: %s",
			m.Critical, m.Of, m.Onsets, r.w.cfg.Guard.Window, m.Policy),
		Remedy: remedy,
	})
}
