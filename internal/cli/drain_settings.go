package cli

import (
	"time"

	"legate/xdsserver"
)

// drainSettings say how streams are drained at the end.
func drainSettings(d *xdsserver.Drain) []*setting {
	const category = "Stopping"
	return []*setting{
		duration(&d.Delay, 0, 5*time.Minute, setting{
			name: "drain-delay", env: "LEGATE_DRAIN_DELAY", key: "xds.drain_delay", category: category, hint: "SPAN",
			usage: "After SIGTERM: how long streams stay open and are served, while /readyz and the health service say " +
				"that new clients should go elsewhere. It should be longer than the interval of your probes. Ends early when no client is connected.",
		}),
		duration(&d.Spread, 0, 10*time.Minute, setting{
			name: "drain-spread", env: "LEGATE_DRAIN_SPREAD", key: "xds.drain_spread", category: category, hint: "SPAN",
			usage: "After that: the maximum time over which streams are closed, so that not all clients go to another Legate at once. Ten a second are closed if there are few.",
		}),
	}
}
