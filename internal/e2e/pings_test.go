package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// pinging is incremental ADS on a connection that Envoy pings at this interval.
func pinging(every time.Duration) way {
	return way{name: fmt.Sprint("a ping every ", every), mode: "delta", cds: true, edit: func(b object, _ *legate) {
		control := b["static_resources"].(object)["clusters"].([]any)[0].(object)
		for _, options := range control["typed_extension_protocol_options"].(object) {
			options.(object)["explicit_http_config"] = object{"http2_protocol_options": object{"connection_keepalive": object{
				"interval": fmt.Sprintf("%.3fs", every.Seconds()), "timeout": "30s", "interval_jitter": object{"value": 0},
			}}}
		}
	}}
}

// pingingAsGRPC is the same with Envoy's built-in gRPC library instead of its own client.
func pingingAsGRPC(every time.Duration) way {
	w := pinging(every)
	w.name += ", google_grpc"
	w.edit = func(b object, l *legate) {
		argument := func(value int) object { return object{"int_value": value} }
		b["dynamic_resources"].(object)["ads_config"].(object)["grpc_services"] = []any{object{"google_grpc": object{
			"target_uri": l.XDS, "stat_prefix": "legate",
			"channel_args": object{"args": object{
				"grpc.keepalive_time_ms": argument(int(every.Milliseconds())), "grpc.keepalive_timeout_ms": argument(30_000),
				"grpc.http2.max_pings_without_data": argument(0), "grpc.keepalive_permit_without_calls": argument(1),
			}},
		}}}
	}
	return w
}

// refusedPings returns how many clients were disconnected because of pings.
func (l *legate) refusedPings(t testing.TB) string {
	t.Helper()
	text, err := l.get("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if count, is := strings.CutPrefix(line, `legate_xds_refused_total{limit="pings"} `); is {
			return strings.TrimSpace(count)
		}
	}
	t.Fatal("the metric of refused pings is missing")
	return ""
}

// The shortest keepalive in use is a second. Such an Envoy keeps its connection while nothing
// changes and while much does. One that pings more often is disconnected, loses nothing, and is
// counted.
func TestAnEnvoyThatPingsEverySecondIsNotCutOff(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "shop", "shop-1", 1)
	s.legate = startLegate(t, s.consul)
	for _, w := range []way{pinging(time.Second), pingingAsGRPC(time.Second)} {
		s.envoys = append(s.envoys, startEnvoy(t, s.legate, w, "shop"))
	}
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1") })
	time.Sleep(8 * time.Second) // more pings than grpc-go tolerates, while Legate sends nothing
	s.register(t, "shop", "shop-2", 1)
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1", "shop-2") })
	if n := s.legate.refusedPings(t); n != "0" {
		t.Errorf("%s connections were refused for pings", n)
	}
	for _, e := range s.envoys {
		if n := e.stat(t, "cluster_manager.cds.update_failure"); n != 0 {
			t.Errorf("%s: its stream ended %d times", e.way.name, n)
		}
	}
	if n := s.envoys[0].stat(t, "cluster._legate.upstream_cx_total"); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestAnEnvoyThatPingsTooOftenIsNamedAndLosesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "shop", "shop-1", 1)
	config := filepath.Join(t.TempDir(), "legate.yaml")
	if err := os.WriteFile(config, []byte("xds: {min_ping: 1m}"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.legate = startLegate(t, s.consul, "--config", config)
	e := startEnvoy(t, s.legate, pinging(time.Second), "shop")
	eventually(t, func() error { return e.answers("shop", "shop-1") })
	f := visit(t, e, "shop")
	eventually(t, func() error {
		page, err := s.legate.get("/")
		if err != nil || s.legate.refusedPings(t) == "0" || !strings.Contains(string(page), "xds.min_ping") {
			return fmt.Errorf("refused %s, page without the remedy: %w", s.legate.refusedPings(t), err)
		}
		return nil
	})
	s.register(t, "shop", "shop-2", 1)
	eventually(t, func() error { return e.answers("shop", "shop-1", "shop-2") })
	f.goesOn(t)
	partstest.Eventually(t, func() error {
		if e.stat(t, "control_plane.connected_state") != 1 {
			return fmt.Errorf("it does not come back")
		}
		return nil
	})
}
