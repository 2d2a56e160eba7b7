package demo

import (
	"fmt"
	"strings"

	"legate/internal/parts"
)

// toTry says where everything listens and what to try.
func (s *stage) toTry() string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }

	say("\nEverything stays up until Ctrl-C.\n")
	say("   Legate   http://%s/", s.legate.Admin)
	say("   Consul   %s/ui/", s.consul.URL())
	say("   Envoy    http://%s/clusters", s.envoy.AdminAddr)
	for _, name := range sampleNames() {
		say("   %-8s http://%s/", name, parts.Loopback(s.ports[name]))
	}
	say("\nTo try, in another terminal:\n")
	say("   # who answers, ten times")
	say("   for i in $(seq 10); do curl -s %s; echo; done\n", parts.Loopback(s.ports["web"]))
	say("   # web-3 into maintenance; enable=false brings it back")
	say("   C=%s/v1/agent", s.consul.URL())
	say("   curl -X PUT \"$C/service/maintenance/web-3?enable=true\"\n")
	say("   # web-2 becomes critical; pass instead of fail brings it back")
	say("   curl -X PUT $C/check/fail/check:web-2\n")
	say("   # why web-2 takes no traffic then; the page http://%s/services/web says it, too", s.legate.Admin)
	say("   curl -s http://%s/api/v1/services/web | grep '\"why\"'\n", s.legate.Admin)
	say("   # the bootstrap of this Envoy, and Legate's metrics")
	say("   legate bootstrap envoy --xds-address %s --route 8080=web", s.legate.XDS)
	say("   curl -s http://%s/metrics | grep ^legate_", s.legate.Admin)
	return b.String()
}
