package cli

import (
	"time"

	"legate/discovery"
	"legate/discovery/guard"
)

// guardSettings say which losses in Consul are not believed at once.
func guardSettings(c *discovery.Config) []*setting {
	g := &c.Guard
	const category = "Guard"
	const forever = 30 * 24 * time.Hour
	return []*setting{
		duration(&g.Confirm, 0, time.Hour, setting{
			name: "guard-confirm", env: "LEGATE_GUARD_CONFIRM", key: "guard.confirm", category: category, hint: "SPAN",
			usage: "Interval between the two consistent reads that must agree before a suspicious loss is believed: a service's last instances, most of a service, much of the catalog. 0: such losses are believed at once.",
		}),
		duration(&g.Empty, 0, 24*time.Hour, setting{
			name: "guard-empty", env: "LEGATE_GUARD_EMPTY", key: "guard.empty", category: category, hint: "SPAN",
			usage: "How long a service's last instances are held when nothing else in Consul shows that they were deregistered.",
		}),
		duration(&g.DatacenterHold, 0, forever, setting{
			name: "guard-datacenter-hold", env: "LEGATE_GUARD_DATACENTER_HOLD", key: "guard.datacenter_hold", category: category, hint: "SPAN",
			usage: `How long the loss of most of the datacenter is held, unless "legate holds release" ends it. 0: never.`,
		}),
		duration(&g.Window, time.Second, 24*time.Hour, setting{
			name: "guard-window", env: "LEGATE_GUARD_WINDOW", key: "guard.window", category: category, hint: "SPAN",
			usage: "Time window over which losses are summed up.",
		}),
		number(&g.Shrink.Percent, 1, 100, setting{
			name: "guard-shrink-percent", env: "LEGATE_GUARD_SHRINK_PERCENT", key: "guard.shrink_percent", category: category, hint: "N",
			usage: "A loss of more than this share of a service is suspicious, if the service has at least the instances of --guard-shrink-from.",
		}),
		number(&g.Shrink.From, 1, 1_000_000, setting{
			name: "guard-shrink-from", env: "LEGATE_GUARD_SHRINK_FROM", key: "guard.shrink_from", category: category, hint: "N",
			usage: "See --guard-shrink-percent.",
		}),
		number(&g.Catalog.Percent, 1, 100, setting{
			name: "guard-catalog-percent", env: "LEGATE_GUARD_CATALOG_PERCENT", key: "guard.catalog_percent", category: category, hint: "N",
			usage: "A loss of more than this share of the catalog, in three services or more, is suspicious, if the catalog has at least the instances of --guard-catalog-from.",
		}),
		number(&g.Catalog.From, 1, 1_000_000, setting{
			name: "guard-catalog-from", env: "LEGATE_GUARD_CATALOG_FROM", key: "guard.catalog_from", category: category, hint: "N",
			usage: "See --guard-catalog-percent.",
		}),
		number(&g.Datacenter.Percent, 1, 100, setting{
			name: "guard-datacenter-percent", env: "LEGATE_GUARD_DATACENTER_PERCENT", key: "guard.datacenter_percent", category: category, hint: "N",
			usage: "For --guard-datacenter-hold and --mass-critical, most of the datacenter means more than this share, in three services or more, if the datacenter has at least the instances of --guard-datacenter-from.",
		}),
		number(&g.Datacenter.From, 1, 1_000_000, setting{
			name: "guard-datacenter-from", env: "LEGATE_GUARD_DATACENTER_FROM", key: "guard.datacenter_from", category: category, hint: "N",
			usage: "See --guard-datacenter-percent.",
		}),
		duration(&g.Reread, 0, 24*time.Hour, setting{
			name: "guard-reread", env: "LEGATE_GUARD_REREAD", key: "guard.reread", category: category, hint: "SPAN",
			usage: "Period in which every service is read again consistently, so that silent losses and lost rights are noticed. 0: never.",
		}),
		duration(&c.Watch.Canary, 0, time.Hour, setting{
			name: "guard-canary", env: "LEGATE_GUARD_CANARY", key: "guard.canary", category: category, hint: "SPAN",
			usage: "How often Legate checks whether Consul answers at all, and whether its index went back. 0: never.",
		}),
		choice(&g.MassCritical, []string{guard.Believe, guard.ServeAll}, setting{
			name: "mass-critical", env: "LEGATE_MASS_CRITICAL", key: "guard.mass_critical", category: category,
			usage: "What to do when most instances of the datacenter turn critical at once: believe it, or keep serving them, on the assumption that the health checks failed.",
		}),
	}
}
