package cli

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/internal/lastknown"
)

// stateSettings say where the last known catalog is kept, and when it is used.
func stateSettings(c *lastknown.Config) []*setting {
	const category = "Last known catalog"
	return []*setting{
		shown(text(&c.Dir, setting{
			name: "state-dir", env: "LEGATE_STATE_DIR", key: "state.dir", category: category, hint: "FOLDER",
			usage: "Folder in which the last believed catalog is kept. Each Legate needs its own. " +
				"A Legate that starts while Consul is away serves this catalog. Empty: nothing is kept.",
		}), "systemd's $STATE_DIRECTORY; else off"),
		duration(&c.MaxAge, time.Minute, 30*24*time.Hour, setting{
			name: "last-known-max-age", env: "LEGATE_LAST_KNOWN_MAX_AGE", key: "state.max_age", category: category, hint: "SPAN",
			usage: "Maximum age of the last known catalog, from when Consul last confirmed it, to be served instead of Consul's.",
		}),
		duration(&c.Grace, 0, time.Hour, setting{
			name: "last-known-grace", env: "LEGATE_LAST_KNOWN_GRACE", key: "state.grace", category: category, hint: "SPAN",
			usage: "How long a start waits for Consul before it serves the last known catalog, marked stale, until Consul has been read.",
		}),
	}
}

// stateDir returns the folder that the user named, or else the one that systemd made for
// StateDirectory=.
// https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#RuntimeDirectory=
func stateDir(named string, getenv func(string) string) string {
	first, _, _ := strings.Cut(getenv("STATE_DIRECTORY"), ":")
	return cmp.Or(named, first)
}

// scopeOf returns the scope of the catalog that c selects.
func scopeOf(c discovery.Config) lastknown.Scope {
	return lastknown.Scope{
		Datacenter: c.Consul.Datacenter, Namespace: c.Consul.Namespace, Partition: c.Consul.Partition,
		Include: slices.Sorted(slices.Values(c.Include)),
		Exclude: slices.Sorted(slices.Values(c.Exclude)),
		Tags:    slices.Sorted(slices.Values(c.Tags)),
	}
}

// consulNow returns the part of Consul's status that the last known catalog needs.
func consulNow(s discovery.Status) lastknown.Consul {
	now := lastknown.Consul{Datacenter: s.Datacenter, LastSuccess: s.LastSuccess, Sites: map[catalog.Site]time.Time{}}
	for _, one := range s.Sites {
		now.Sites[one.Site()] = time.Time{}
		if one.Complete { // else what is served of it may be older than the last answer
			now.Sites[one.Site()] = one.LastSuccess
		}
	}
	if i := slices.IndexFunc(s.Problems, func(p catalog.Problem) bool { return p.Kind != discovery.OfSite }); i >= 0 {
		now.Problem, now.Remedy = s.Problems[i].Detail, s.Problems[i].Remedy
	}
	return now
}
