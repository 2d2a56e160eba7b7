package discovery

import (
	"maps"
	"slices"
)

// assign gives blocking queries to those that the policy chooses, and starts the new loops.
func (o *owner) assign() {
	names := slices.Sorted(maps.Keys(o.follow))
	chosen := o.policy(names, func(name string) bool { return o.w.rotation.isDirect(o.follow[name]) }, o.w.slots())
	for _, name := range names {
		f := o.follow[name]
		start := false
		if chosen[name] {
			if f.place == nil {
				f.place = o.recency.order.PushBack(f)
			}
			start = o.w.rotation.promote(f)
		} else {
			o.recency.leave(f)
			o.w.rotation.demote(f)
		}
		if start || !f.started {
			f.started = true
			o.w.loops.Go(func() { o.w.follow(f) })
		}
	}
	o.warn(len(chosen), len(names)-len(chosen))
}

// warn says once that connections are short, and again only after they were not.
func (o *owner) warn(direct, swept int) {
	limit := o.w.cfg.Consul.MaxConnections
	o.w.metrics.Watches(direct, swept, limit)
	o.w.setWatches(direct, swept)
	if swept > 0 && !o.warned {
		o.w.log.Warn("more services than connections to consul: those that change are watched, the others are read when a signal names them and in turn: correct, only slower",
			"services", direct+swept, "swept", swept, "max_connections", limit, "remedy", o.w.shortRemedy())
	}
	o.warned = swept > 0
}

// shortRemedy is what helps where there are more services than connections.
func (w *Watcher) shortRemedy() string {
	const more = "raise limits.http_max_conns_per_client in Consul and then --max-connections here"
	if _, http2 := w.consul.Connections(); http2 {
		return more
	}
	return "use https (HTTP/2), or " + more
}
