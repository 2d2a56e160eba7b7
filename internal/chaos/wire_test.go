package chaos_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// wire is the connection from Legate to Consul: a toxiproxy that can cut it, slow it down, and
// redirect it to another Consul.
type wire struct{ proxy *toxiproxy.Proxy }

func newWire(t testing.TB, listen, upstream string) *wire {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	w := &wire{toxiproxy.NewProxy(server, "consul", listen, upstream)}
	if err := w.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.proxy.Stop)
	return w
}

func (w *wire) addr() string { return w.proxy.Listen }

// poison adds a toxic in the direction from Consul to Legate, or with up in the other one.
func (w *wire) poison(t testing.TB, kind string, up bool, attributes string) {
	t.Helper()
	stream := "downstream"
	if up {
		stream = "upstream"
	}
	text := fmt.Sprintf(`{"type":%q,"stream":%q,"attributes":{%s}}`, kind, stream, attributes)
	if _, err := w.proxy.Toxics.AddToxicJson(strings.NewReader(text)); err != nil {
		t.Fatalf("add toxic %s: %v", text, err)
	}
}

// cure removes all toxics.
func (w *wire) cure() { w.proxy.Toxics.ResetToxics(context.Background()) }

// redirect leads to another address. Existing connections break.
func (w *wire) redirect(t testing.TB, upstream string) {
	t.Helper()
	if err := w.proxy.Update(&toxiproxy.Proxy{Listen: w.proxy.Listen, Upstream: upstream, Enabled: true}); err != nil {
		t.Fatal(err)
	}
	if !w.proxy.Enabled {
		w.mend(t)
	}
}

// cut breaks the connections and refuses new ones.
func (w *wire) cut(t testing.TB) {
	t.Helper()
	if err := w.proxy.Update(&toxiproxy.Proxy{Listen: w.proxy.Listen, Upstream: w.proxy.Upstream}); err != nil {
		t.Fatal(err)
	}
}

// mend ends a cut.
func (w *wire) mend(t testing.TB) {
	t.Helper()
	if err := w.proxy.Update(&toxiproxy.Proxy{Listen: w.proxy.Listen, Upstream: w.proxy.Upstream, Enabled: true}); err != nil {
		t.Fatal(err)
	}
}
