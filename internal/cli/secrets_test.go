package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"legate/internal/xdstest"
	"legate/translate"
)

// canary begins every secret of these tests.
const canary = "canary-"

// curiousConsul is a Consul with one service that records the secrets it receives.
func curiousConsul(t *testing.T) (addr string, heard func() string) {
	t.Helper()
	var mu sync.Mutex
	told := map[string]bool{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		mu.Lock()
		told[r.Header.Get("X-Consul-Token")], told[password] = true, true
		mu.Unlock()
		if r.URL.Query().Get("index") == "7" {
			select {
			case <-r.Context().Done():
			case <-time.After(30 * time.Second):
			}
			return
		}
		w.Header().Set("X-Consul-Index", "7")
		switch {
		case strings.HasPrefix(r.URL.Path, "/v1/catalog/services"):
			fmt.Fprint(w, `{"web":[]}`)
		case strings.HasPrefix(r.URL.Path, "/v1/health/service/web"):
			fmt.Fprint(w, `[{"Node":{"Node":"n","Address":"10.0.0.1"},"Service":{"ID":"web","Service":"web","Port":80},"Checks":[]}]`)
		case r.URL.Path == "/v1/agent/self":
			fmt.Fprint(w, `{"Config":{"Datacenter":"dc1"}}`)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), func() string {
		mu.Lock()
		defer mu.Unlock()
		return fmt.Sprint(told)
	}
}

func TestNoSecretIsInLogsStatusDumpsOrMetrics(t *testing.T) {
	consul, heard := curiousConsul(t)
	token := file(t, "token", canary+"token-file\n")
	admin := file(t, "admin", canary+"admin\n")
	config := file(t, "legate.yaml", "consul: {addr: '"+consul+"', token: "+canary+"token-config}\n")
	r := serve(t, "--config", config, "--consul-token", canary+"token-flag", "--consul-token-file", token,
		"--consul-http-auth", "user:"+canary+"password", "--admin-token-file", admin, "--pprof", "--log-level", "debug", "--drain-delay", "0s")
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if code, body := r.get("/readyz"); code == http.StatusOK {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(body)
		}
	}
	for _, secret := range []string{"token-file", "password"} { // otherwise the test proves nothing
		if !strings.Contains(heard(), canary+secret) {
			t.Errorf("consul was not told %s: %s", secret, heard())
		}
	}
	client := xdstest.Open(t, xdstest.Dial(t, r.xds), xdstest.Delta, "edge")
	client.Want(translate.ClusterType)
	client.Nack(client.Read(), "no")
	client.Request(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: "nothing"})

	// A token file that breaks later is reported, without its content.
	write(t, token, canary+"one\n"+canary+"two\n")
	write(t, config, "consul: {addr: 'http://host/path?token="+canary+"addr', token: \""+canary+"a\\n"+canary+"b\", http_auth: "+canary+"auth}\n")
	hangUp(t)
	r.log.await(t, "configuration is not reloaded")

	said := map[string]string{}
	for _, path := range []string{
		"/", "/metrics", "/readyz", "/healthz", "/api/v1/status", "/debug/config_dump", "/debug/pprof/cmdline",
		"/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1", "/api/v1/nothing",
	} {
		_, said[path] = r.get(path)
	}
	for _, how := range []string{"", "Bearer " + canary + "wrong", "Bearer " + canary + "admin"} {
		said["POST with "+how] = post(t, r.admin+"/api/v1/status", how)
	}
	client.Close()
	if code := r.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	said["the log"] = r.log.String()
	if !strings.Contains(said["the log"], `"DEBUG"`) {
		t.Error("nothing was logged at debug level")
	}
	for where, text := range said {
		if i := strings.Index(text, canary); i >= 0 {
			t.Errorf("%s tells a secret: %.200s", where, text[max(0, i-100):])
		}
	}
}

func post(t *testing.T, url, authorization string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", authorization)
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	return string(body)
}

func TestNoSecretIsInTheErrorsOfAWrongSetup(t *testing.T) {
	secret := file(t, "secret", canary+"content\n"+canary+"more: [")
	pem := file(t, "pem", "-----BEGIN PRIVATE KEY-----\n"+canary+"pem\n-----END PRIVATE KEY-----\n")
	off := []string{"--xds-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}
	for _, c := range []struct {
		name string
		env  map[string]string
		args []string
	}{
		{"userinfo by flag", nil, []string{"serve", "--consul-addr", "http://user:" + canary + "x@host:8500"}},
		{"userinfo by variable", map[string]string{"CONSUL_HTTP_ADDR": "https://" + canary + "x@host"}, []string{"serve"}},
		{"userinfo in a wrong scheme", nil, []string{"serve", "--consul-addr", "ftp://user:" + canary + "x@host"}},
		{"userinfo without a scheme", nil, []string{"render", "--consul-addr", "user:" + canary + "x@host:1:2"}},
		{"query in the address", nil, []string{"serve", "--consul-addr", "host:8500?token=" + canary + "x"}},
		{"query behind a path", nil, []string{"serve", "--consul-addr", "http://host:8500/consul?token=" + canary + "x"}},
		{"query behind a path, by variable", map[string]string{"CONSUL_HTTP_ADDR": "https://host/consul/?token=" + canary + "x"}, []string{"render"}},
		{"query behind a path, in the file", nil, []string{"serve", "--config", file(t, "q.yaml", "consul:\n  addr: host:8500/v1?token="+canary+"x\n")}},
		{"query of a socket", nil, []string{"serve", "--consul-addr", "unix:///run/consul.sock?token=" + canary + "x"}},
		{"fragment behind a path", nil, []string{"serve", "--consul-addr", "http://host:8500/consul#" + canary + "x"}},
		{"two lines as the address", map[string]string{"CONSUL_HTTP_ADDR": "http://host:8500/\n?" + canary + "x"}, []string{"serve"}},
		{"query in the admin address", nil, []string{"holds", "list", "--admin-addr", "host:18001?token=" + canary + "x"}},
		{"userinfo in the admin address", map[string]string{"LEGATE_ADMIN_ADDR": "https://user:" + canary + "x@host:1"}, []string{"holds", "release", "--all"}},
		{"two lines as the token", map[string]string{"CONSUL_HTTP_TOKEN": canary + "x\n" + canary + "y"}, []string{"serve"}},
		{"two lines as the token, by flag", nil, []string{"render", "--consul-token", canary + "x\n" + canary + "y"}},
		{"a token with its label", map[string]string{"CONSUL_HTTP_TOKEN": "SecretID: " + canary + "y"}, []string{"serve"}},
		{"two lines in the token file", nil, []string{"render", "--consul-token-file", file(t, "two", canary+"x\n"+canary+"y\n")}},
		{"two lines in the token file of serve", nil, append(off, "--consul-token-file", file(t, "two", canary+"x\n"+canary+"y\n"))},
		{"two lines in the admin token file", nil, append(off, "--admin-token-file", file(t, "two", canary+"x\n"+canary+"y\n"))},
		{"two lines in the admin token file of a client", nil, []string{"holds", "release", "--all", "--admin-token-file", file(t, "two", canary+"x\n"+canary+"y\n")}},
		{"two lines as http auth", map[string]string{"CONSUL_HTTP_AUTH": "user:" + canary + "x\n" + canary + "y"}, []string{"serve"}},
		{"userinfo in the file", nil, []string{"serve", "--config", file(t, "c.yaml", "consul:\n  addr: http://user:"+canary+"x@host\n")}},
		{"tokens beside a mistake", map[string]string{"CONSUL_HTTP_TOKEN": canary + "x"}, []string{"serve", "--consul-token", canary + "y", "--log-level", "loud"}},
		{"http auth by variable", map[string]string{"CONSUL_HTTP_AUTH": canary + "x"}, []string{"serve"}},
		{"token in the file, misspelt key", nil, []string{"serve", "--config", file(t, "t.yaml", "consul:\n  tokn: "+canary+"x\n")}},
		{"token as a list", nil, []string{"serve", "--config", file(t, "l.yaml", "consul:\n  token: ["+canary+"x, "+canary+"y]\n")}},
		{"a secret as the configuration", nil, []string{"serve", "--config", secret}},
		{"a secret as the key", nil, append(off, "--tls-cert", secret, "--tls-key", secret)},
		{"a broken key", nil, append(off, "--tls-cert", pem, "--tls-key", pem)},
		{"a secret as the authorities", nil, append(off, "--consul-addr", "https://127.0.0.1:1", "--consul-ca-file", secret)},
		{"a broken client key", nil, append(off, "--consul-addr", "https://127.0.0.1:1", "--consul-client-cert", pem, "--consul-client-key", pem)},
		{"a secret as the catalog", nil, []string{"render", "--catalog", secret}},
		{"an argument", nil, []string{"serve", "--consul-token", canary + "x", "more"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.args[0] == "--xds-listen" {
				c.args = append([]string{"serve"}, c.args...)
			}
			r := legate(t, c.env, c.args...)
			if r.code == exitOK || r.err == "" {
				t.Errorf("exit %d: %s", r.code, r.err)
			}
			if strings.HasPrefix(c.name, "two lines") && !strings.Contains(r.err, "one line") && !strings.Contains(r.err, "no query") {
				t.Errorf("not said what is wrong: %s", r.err)
			}
			if strings.Contains(r.out+r.err, canary) {
				t.Errorf("a secret is told:\n%s%s", r.out, r.err)
			}
		})
	}
}

// A file ends with a line break, and so does a variable that was set from one.
func TestALineBreakBehindAValueIsNotPartOfIt(t *testing.T) {
	consul, heard := curiousConsul(t)
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
	}{
		"variables": {map[string]string{"CONSUL_HTTP_TOKEN": canary + "a\n", "CONSUL_HTTP_ADDR": consul + "\r\n", "CONSUL_HTTP_AUTH": "user:" + canary + "a\n"}, nil},
		"a flag":    {nil, []string{"--consul-token", canary + "a\n", "--consul-addr", consul, "--consul-http-auth", "user:" + canary + "a"}},
		"a file":    {nil, []string{"--consul-token-file", file(t, "token", "\n"+canary+"a\r\n"), "--consul-addr", consul}},
	} {
		if r := legate(t, c.env, append([]string{"render"}, c.args...)...); r.code != exitOK {
			t.Errorf("%s: exit %d: %s", name, r.code, r.err)
		}
	}
	if told := heard(); strings.Count(told, canary) != 1 || !strings.Contains(told, canary+"a:true") {
		t.Errorf("consul was told %s", told)
	}
}
