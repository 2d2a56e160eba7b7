package cli

import (
	"fmt"
	"strings"

	dns "legate/discovery/resolve"
	"legate/internal/admin"
)

// hostTroubles lists the host names whose addresses DNS no longer confirms. Names without any
// address are problems of their instances instead.
func hostTroubles(s dns.Status) []admin.Trouble {
	if s.Stale == 0 {
		return nil
	}
	t := admin.Trouble{Kind: "dns"}
	var hosts []string
	for _, one := range s.Troubled {
		if len(one.Addresses) == 0 {
			continue
		}
		if len(hosts) == 0 {
			t.Since, t.Remedy = one.Since, one.Remedy
		}
		if len(hosts) < 5 {
			hosts = append(hosts, fmt.Sprintf("%s (%s)", one.Host, one.Detail))
		}
	}
	t.Detail = fmt.Sprintf("%s served as DNS last knew them: %s", plural(s.Stale, "host name"), strings.Join(hosts, ", "))
	return []admin.Trouble{t}
}
