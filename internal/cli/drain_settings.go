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
			usage: "After SIGTERM: how long streams stay open and are served while /readyz and the health service say " +
				"that new clients should go elsewhere. Longer than your probes' interval. Ends early when nobody is connected.",
		}),
		duration(&d.Spread, 0, 10*time.Minute, setting{
			name: "drain-spread", env: "LEGATE_DRAIN_SPREAD", key: "xds.drain_spread", category: category, hint: "SPAN",
			usage: "After that: over how long the streams are closed, at most, so that not all clients turn to another Legate at once. Ten a second are closed if there are few.",
		}),
	}
}
