package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/interop/grpc_testing"

	"legate/internal/parts"
)

// The last instance of a gRPC service goes and comes back. Its owner says grpc by the instance's meta, and the
// operator gives it a further field by its tag. Envoy's cluster stays as it is all the time: no update, and
// calls pass again. When the list does not have the name any more, the cluster goes.
func TestAClusterStaysWhileItsLastInstanceIsAway(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	_, port, _ := strings.Cut(startEcho(t), ":")
	at, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	one := parts.Instance{ID: "echo-1", Service: "echo", Address: "127.0.0.1", Port: at, Tags: []string{"edge"}, Meta: map[string]string{"legate-protocol": "grpc"}}
	s.registerAs(t, one)
	s.register(t, "shop", "shop-1", 1) // shows that changes arrive
	list := newSlowList(t, s.consul, "echo")
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte("services:\n- {match: {tags: [edge]}, connect_timeout: 7s}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.legate = startLegate(t, nil, "--consul-addr", list.addr, "--policy", file)
	e := startEnvoy(t, s.legate, way{name: "edge", mode: "delta", cds: true}, "echo", "shop")
	s.envoys = append(s.envoys, e)
	client := grpc_testing.NewTestServiceClient(dial(t, e.ports["echo"]))
	eventually(t, func() error { return echoes(t.Context(), client) })

	updates := []string{"cluster_manager.cds.update_success", "cluster_manager.cluster_added", "cluster_manager.cluster_modified", "cluster_manager.cluster_removed"}
	count := func() string {
		var all []string
		for _, name := range updates {
			all = append(all, fmt.Sprintf("%s: %d", name, e.stat(t, name)))
		}
		return strings.Join(all, ", ")
	}
	cluster := func() string {
		text, err := e.Get(t.Context(), "/config_dump?resource=dynamic_active_clusters&name_regex=echo")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	endpoints := func(n int) error {
		all, err := e.endpoints("echo")
		if err == nil && len(all) != n {
			err = fmt.Errorf("envoy has %v, want %d", all, n)
		}
		return err
	}
	was, content := count(), cluster()
	if !strings.Contains(content, "http2_protocol_options") || !strings.Contains(content, `"7s"`) {
		t.Fatalf("the cluster is\n%s", content)
	}
	list.keeps.Store(true)
	for range 2 {
		s.deregister(t, one.ID)
		eventually(t, func() error { return endpoints(0) })
		s.registerAs(t, one)
		eventually(t, func() error { return endpoints(1) })
		eventually(t, func() error { return echoes(t.Context(), client) })
	}
	if is := count(); is != was {
		t.Errorf("while the last instance went and came back, envoy counted\n%s, before\n%s", is, was)
	}
	if is := cluster(); is != content {
		t.Errorf("the cluster became\n%s", is)
	}

	s.deregister(t, one.ID)
	eventually(t, func() error { return endpoints(0) })
	list.keeps.Store(false)
	s.register(t, "late", "late-1", 1) // the list moves
	eventually(t, func() error {
		if n := e.stat(t, "cluster_manager.cluster_removed"); n == 0 {
			return fmt.Errorf("the cluster of a name that is gone is still there")
		}
		return nil
	})
}

// slowList is a Consul whose list of services has a name for as long as it is kept, also while the service has
// no instances. Legate reads the list once a second or less often, so any list can be that far behind.
type slowList struct {
	addr  string
	keeps atomic.Bool
}

func newSlowList(t *testing.T, consul *parts.Consul, name string) *slowList {
	t.Helper()
	l := &slowList{}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: consul.Addr})
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {} // Legate stops at the end
	proxy.ModifyResponse = func(resp *http.Response) error {
		if resp.Request.URL.Path != "/v1/catalog/services" || !l.keeps.Load() {
			return nil
		}
		names := map[string][]string{}
		if err := json.NewDecoder(resp.Body).Decode(&names); err != nil {
			return err
		}
		if names[name] == nil {
			names[name] = []string{}
		}
		text, err := json.Marshal(names)
		resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
		resp.Header.Set("Content-Length", strconv.Itoa(len(text)))
		return err
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	l.addr = server.Listener.Addr().String()
	return l
}
