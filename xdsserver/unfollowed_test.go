package xdsserver

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointservicev3 "github.com/envoyproxy/go-control-plane/envoy/service/endpoint/v3"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
	"legate/internal/xdstest"
	"legate/metrics"
	"legate/translate"
)

// lost are the nodes that follow nothing, as they will be listed when they could have asked.
func (s *stage) lost() string {
	var all []string
	for _, u := range s.unfollowedAt(time.Now().Add(followWithin)) {
		said := map[string]string{useADS: "use ADS", nameCluster: "name the cluster", useADSBesideREST: "use ADS beside REST"}[u.Remedy]
		all = append(all, u.Node+" over "+u.Way+": "+said)
	}
	return strings.Join(all, ", ")
}

func TestWhoTakesClustersAndAsksForNoEndpointsIsListed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	first := fleet(t, "web")
	s.Publish(own, first.Diff(translate.Resources{}))
	good, bad := outsider(t, s, xdstest.Delta, "good", "control"), outsider(t, s, xdstest.Delta, "bad", "unheard-of")
	for _, c := range []*xdstest.Client{good, bad} {
		c.Want(cds)
		c.Ack(c.Read())
	}
	soon(t, "who takes clusters only is listed", func() bool { return strings.Count(s.lost(), "name the cluster") == 2 })
	if now := s.Unfollowed(); len(now) > 0 {
		t.Errorf("they had no time to ask: %+v", now)
	}
	follows := xdstest.OpenMethod(t, s.conn, xdstest.Delta, endpointservicev3.EndpointDiscoveryService_DeltaEndpoints_FullMethodName, &corev3.Node{Id: "good"})
	follows.Want(eds, "web")
	follows.Ack(follows.Read())
	soon(t, "who asks for endpoints on another stream is not", func() bool { return s.lost() == "bad over delta: name the cluster" })
	all := incremental(t, s, "aggregated") // may be a tool that looks at clusters
	all.Want(cds)
	all.Ack(all.Read())
	bad.Close()
	soon(t, "nor who is gone", func() bool { return s.lost() == "" })
}

func TestWhoPollsClustersAndNoEndpointsIsListed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	first := fleet(t, "web")
	s.Publish(own, first.Diff(translate.Resources{}))
	poll := func(what, node string) {
		t.Helper()
		r, err := http.Post(s.rest+"/v3/discovery:"+what, "application/json", strings.NewReader(fmt.Sprintf(`{"node": {"id": %q}, "resource_names": []}`, node)))
		if err != nil || r.StatusCode != http.StatusOK {
			t.Fatal(r, err)
		}
		r.Body.Close()
	}
	poll("clusters", "somebody looks once")
	for range 2 {
		poll("clusters", "lost")
		poll("clusters", "fine")
		poll("endpoints", "fine")
	}
	if got := s.lost(); got != "lost over rest: use ADS beside REST" {
		t.Error(got)
	}
	if later := s.unfollowedAt(time.Now().Add(pollStays + time.Minute)); len(later) > 0 {
		t.Errorf("it has gone: %+v", later)
	}
	for n := range maxPolls + 10 {
		s.polls.note("10.0.0.1", fmt.Sprint("made up ", n), cds, false, time.Now())
	}
	if n := len(s.polls.lately(time.Now())); n > maxPolls {
		t.Errorf("%d nodes are kept", n)
	}
}

// Where no service has endpoints here, there is nothing to ask for.
func TestClustersWithoutEndpointsNeedNotBeFollowed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(cluster("dns", 1))
	c := outsider(t, s, xdstest.Delta, "edge", "")
	c.Want(cds)
	c.Accept(cds, "dns@1")
	soon(t, "it is there", func() bool { return len(s.Streams()) == 1 && s.Streams()[0].Types[0].Acks == 1 })
	if got := s.lost(); got != "" {
		t.Error(got)
	}
}

// A real Envoy says nothing of clusters whose source it does not know, if it is incremental; nor, over
// REST, of clusters that follow an ADS which it has not.
func TestARealEnvoyThatTakesWhatItCannotFollowIsListed(t *testing.T) {
	for name, start := range map[string]func(*testing.T, *stage) *parts.Envoy{
		"outside over delta: name the cluster": func(t *testing.T, s *stage) *parts.Envoy {
			return outside(t, s, "DELTA_GRPC", sourceKey+": unheard-of")
		},
		"outside over rest: use ADS beside REST": polling,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.Publish(own, fleet(t, "web", "db").Diff(translate.Resources{}))
			e := start(t, s)
			for end := time.Now().Add(20 * time.Second); s.lost() != name && time.Now().Before(end); {
				time.Sleep(20 * time.Millisecond)
			}
			if got := s.lost(); got != name {
				t.Errorf("listed is %q", got)
			}
			stats, err := e.Stats(t.Context(), "warming_clusters|cds.update|eds")
			t.Log(stats, err)
		})
	}
}

// polling is an Envoy that polls clusters over REST and has no ADS.
func polling(t *testing.T, s *stage) *parts.Envoy {
	host, port, _ := strings.Cut(strings.TrimPrefix(s.rest, "http://"), ":")
	return partstest.Envoy(t, parts.EnvoyOptions{Early: true, Bootstrap: fmt.Appendf(nil, `
node: {id: outside, cluster: edge}
dynamic_resources:
  cds_config:
    resource_api_version: V3
    api_config_source: {api_type: REST, transport_api_version: V3, cluster_names: [control], refresh_delay: 0.2s, request_timeout: 5s}
static_resources:
  clusters:
  - name: control
    type: STATIC
    connect_timeout: 5s
    load_assignment: {cluster_name: control, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: %s, port_value: %s}}}}]}]}
`, host, port)})
}

// Who takes clusters and asks nowhere for their endpoints is counted, by the way in which it takes them.
func TestWhoFollowsNothingIsCounted(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.BuildInfo{})
	s, err := New(DefaultConfig(), slog.New(slog.DiscardHandler), m.XDS)
	if err != nil {
		t.Fatal(err)
	}
	const name = "legate_xds_clients_without_endpoints"
	counted := func(rest, others float64) {
		t.Helper()
		if got := gauge(t, m, name, overREST); got != rest {
			t.Errorf("over REST: %v, want %v", got, rest)
		}
		if got := gauge(t, m, name, sotwProtocol) + gauge(t, m, name, deltaProtocol); got != others {
			t.Errorf("on streams: %v, want %v", got, others)
		}
	}
	counted(0, 0)
	s.Publish(own, translate.Batch{Set: service("web", 1)})
	for range 2 {
		s.polls.note("10.0.0.1", "lost", cds, false, time.Now().Add(-time.Minute))
	}
	counted(1, 0)
	s.polls.note("10.0.0.1", "lost", eds, false, time.Now())
	counted(0, 0)
	rec := s.callbacks.opened(t.Context(), deltaStream(1), cds)
	rec.opened = rec.opened.Add(-time.Minute)
	rec.response(exchange{typeURL: cds, nonce: "1"})
	rec.request(exchange{typeURL: cds, nonce: "1"})
	counted(0, 1)
}
