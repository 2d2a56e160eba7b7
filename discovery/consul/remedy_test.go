package consul

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
)

// What Consul, or what answers in its place, says is wrong decides what is advised.
func TestTheRemedyFollowsWhatIsSaid(t *testing.T) {
	status := func(code int, body string) error { return short(api.StatusError{Code: code, Body: body}) }
	for _, c := range []struct {
		err  error
		says string
		not  string
	}{
		{status(403, "ACL not found"), "Consul does not know this token", "service:read"},
		{status(403, "Permission denied: anonymous token lacks permission 'service:read' on \"web\""), "service:read", "know this token"},
		{status(401, "<html>401</html>"), "--consul-http-auth", "service:read"},
		{status(429, "RPC rate limit exceeded"), "limits.rpc_rate", "https"},
		{status(429, "rate limit exceeded, try again later or against a different server"), "limits.request_limits", "https"},
		{status(503, "rate limit exceeded for operation that can only be performed by the leader, try again later"), "limits.request_limits", "leader?"},
		{status(429, "Your IP is issuing too many concurrent connections, please rate limit your calls\n"), "limits.http_max_conns_per_client", "in front"},
		{status(429, "slow down"), "in front of Consul limits", "http_max_conns"},
		{status(500, "No cluster leader"), "is there a leader", ""},
		{status(502, "<html><head><title>502 Bad Gateway</title></head></html>"), "in front of Consul", "leader"},
		{status(503, "no healthy upstream"), "in front of Consul", "leader"},
		{waitCut{30 * time.Second, errClosed}, "ends queries that wait for 30s: let it wait for 75s, go to Consul's agent itself, or set --consul-wait 25s", ""},
		{noPath{"dc9", false, []string{"dc1", "dc2"}, status(500, "No path to datacenter")}, `does not know the datacenter "dc9", only dc1, dc2`, "leader"},
		{noPath{"dc2", false, []string{"dc1", "dc2"}, status(500, "No path to datacenter")}, "does not reach its servers", "leader"},
		{short(&url.Error{Err: errors.New("malformed HTTP response \"\\x00\\x00\\x06\"")}), "8502", "what stands between"},
		{x509.SystemRootsError{Err: os.ErrPermission}, "--consul-ca-file", "TLS settings"},
	} {
		err := fmt.Errorf("query consul %q: %w", "/v1/x", c.err)
		if got := RemedyOf(err); !strings.Contains(got, c.says) || c.not != "" && strings.Contains(got, c.not) {
			t.Errorf("%v: %q, want %q in it and not %q", err, got, c.says, c.not)
		}
	}
}

// Who speaks HTTPS already is not told to.
func TestNoRemedyNamesWhatIsDoneAlready(t *testing.T) {
	crowded := api.StatusError{Code: 429, Body: "Your IP is issuing too many concurrent connections, please rate limit your calls"}
	for scheme, told := range map[string]bool{"http": true, "https": false} {
		c := &Client{address: address{scheme: scheme}}
		got := RemedyOf(fmt.Errorf("query consul: %w", c.explain(t.Context(), Reply{}, crowded)))
		if strings.Contains(got, "https") != told || !strings.Contains(got, "limits.http_max_conns_per_client") {
			t.Errorf("over %s: %q", scheme, got)
		}
	}
}

func TestWhatAnswersInConsulsPlaceIsReadable(t *testing.T) {
	for body, want := range map[string]string{
		"<html>\n<head><title>502 Bad Gateway</title></head>\n<body>more</body>": "502 Bad Gateway",
		"plain\nmore":            "plain",
		"\x00\x01\xff\xfewords":  "words",
		strings.Repeat("ü", 200): strings.Repeat("ü", 150),
	} {
		if got := firstLine(body); got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
}
