package discovery

import (
	"fmt"
	"slices"
	"time"

	"legate/discovery/catalog"
)

// turn is an instance that turned critical.
type turn struct {
	at  time.Time
	was catalog.Health
}

// noteCriticals notes which of f's instances turn critical, and which do not stay so.
func (o *owner) noteCriticals(f *followed, a answer) {
	before := f.turned
	was := o.catalog[f.key].Instances
	var now map[catalog.InstanceKey]turn
	for i := range a.reading.Service.Instances {
		inst := &a.reading.Service.Instances[i]
		if inst.Health != catalog.Critical {
			continue
		}
		t, noted := before[inst.Key()]
		if !noted {
			at, there := slices.BinarySearchFunc(was, *inst, catalog.Instance.Compare)
			if !there || was[at].Health >= catalog.Critical {
				continue
			}
			t = turn{at: a.at, was: was[at].Health}
		}
		if now == nil {
			now = map[catalog.InstanceKey]turn{}
		}
		now[inst.Key()] = t
	}
	for id, t := range before { // what the answer lacks may be kept
		if _, noted := now[id]; !noted && !there(a.reading.Service.Instances, id) && there(was, id) {
			if now == nil {
				now = map[catalog.InstanceKey]turn{}
			}
			now[id] = t
		}
	}
	o.turned += len(now) - len(before)
	f.turned = now
	if delete(o.turning, f); len(now) > 0 {
		o.turning[f] = struct{}{}
	}
}

// there says whether an instance is among these, which are sorted.
func there(all []catalog.Instance, id catalog.InstanceKey) bool {
	_, is := slices.BinarySearchFunc(all, catalog.Instance{Node: id.Node, ID: id.ID}, catalog.Instance.Compare)
	return is
}

// forgetTurned forgets those of f's that are served no longer.
func (o *owner) forgetTurned(f *followed, served []catalog.Instance) {
	for id := range f.turned {
		if !there(served, id) {
			delete(f.turned, id)
			o.turned--
		}
	}
	if len(f.turned) == 0 {
		delete(o.turning, f)
	}
}

// ageHealth forgets who turned critical long ago, alone.
func (o *owner) ageHealth(now time.Time) {
	if o.mass {
		return
	}
	then := now.Add(-o.cfg.Guard.Window)
	for f := range o.turning {
		for id, t := range f.turned {
			if t.at.Before(then) {
				delete(f.turned, id)
				o.turned--
			}
		}
		if len(f.turned) == 0 {
			delete(o.turning, f)
		}
	}
}

// massCritical looks whether most of the datacenter turned critical within the window, and then
// whether that is over.
func (o *owner) massCritical(now time.Time) {
	g := o.cfg.Guard
	most := more(o.turned, g.DatacenterPercent, o.size())
	switch {
	case !o.mass && most && o.size() >= g.DatacenterFrom:
		o.ageHealth(now)
		if !more(o.turned, g.DatacenterPercent, o.size()) || len(o.turning) < wide {
			return
		}
		o.mass = true
		o.tellMass(now)
		o.w.log.Error("most of the datacenter turned critical at once", "critical", o.turned, "of", o.size(),
			"services", len(o.turning), "policy", g.MassCritical)
	case o.mass && !most:
		o.mass = false
		o.w.setMass(nil)
		o.w.log.Info("no longer most of the datacenter is critical", "critical", o.turned, "of", o.size())
	default:
		return
	}
	o.w.metrics.MassCritical(o.mass)
	if g.MassCritical == ServeAll {
		o.serveTurning(now)
	}
}

// tellMass says that most of the datacenter turned critical, and what becomes of it.
func (o *owner) tellMass(since time.Time) {
	g := o.cfg.Guard
	remedy := "look at the health checks and Consul's agents; --mass-critical serve-all, in the configuration file without a restart, keeps such instances in service"
	if g.MassCritical == ServeAll {
		remedy = "look at the health checks and Consul's agents; what turned critical is served as it was before"
	}
	o.w.setMass(&catalog.Problem{
		Kind: "mass_critical", Since: since, Services: len(o.turning),
		Detail: fmt.Sprintf("%d of %d instances are critical, and %d of these turned so together, most within %v, which looks like the health checks' own failure; policy: %s",
			o.critical(), o.size(), o.turned, g.Window, g.MassCritical),
		Remedy: remedy,
	})
}

// critical is how many instances are so, whatever is served of them.
func (o *owner) critical() (n int) {
	for _, f := range o.follow {
		for _, inst := range f.believed().Instances {
			if inst.Health == catalog.Critical {
				n++
			}
		}
	}
	return n
}

// serveTurning serves anew what turned critical with most of the datacenter.
func (o *owner) serveTurning(now time.Time) {
	for f := range o.turning {
		o.serve(f, f.believed(), now)
	}
}

// MassCritical changes what becomes of instances that turn critical with most of the datacenter:
// Believe or ServeAll, see [Guard]. It may be called at any time, does not wait, and holds for
// those that have turned already.
func (w *Watcher) MassCritical(policy string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.policies: // one that the owner has not seen
	default:
	}
	w.policies <- policy
}

// adopt applies another policy.
func (o *owner) adopt(policy string, now time.Time) {
	if policy == o.cfg.Guard.MassCritical {
		return
	}
	o.cfg.Guard.MassCritical = policy
	if !o.mass {
		return
	}
	o.tellMass(o.w.massSince(now))
	o.serveTurning(now)
}

// masked is s as it is served: with ServeAll, instances that turned critical with most of the
// datacenter keep the health they had.
func (o *owner) masked(f *followed, s catalog.Service) catalog.Service {
	if !o.mass || o.cfg.Guard.MassCritical != ServeAll || len(f.turned) == 0 {
		return s
	}
	s.Instances = slices.Clone(s.Instances)
	for i := range s.Instances {
		if t, ok := f.turned[s.Instances[i].Key()]; ok && s.Instances[i].Health == catalog.Critical {
			s.Instances[i].Health = t.was
		}
	}
	return s
}

// believed is f as it would be served without a policy for masses.
func (f *followed) believed() catalog.Service {
	if f.hold != nil {
		return f.hold.served()
	}
	return f.truth.Service
}
