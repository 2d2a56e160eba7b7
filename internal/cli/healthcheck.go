package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"legate/internal/quote"
)

// probeTimeout is how long a Legate on this machine may take to say whether it is ready. It is less than what
// container engines allow a check, so that its words arrive.
const probeTimeout = 3 * time.Second

// healthcheck asks the Legate on this machine whether it is ready. Container engines run it in the container,
// where there is no other program that could ask.
func (p *program) healthcheck() *command {
	serve, o := p.serveCommand()
	alive := false
	return &command{
		name:  "healthcheck",
		usage: "say whether the Legate on this machine is ready, for container engines",
		about: `
It asks the Legate that runs with these settings, over whichever of its listeners for people
and probes needs no certificate: the admin listener, the admin socket, the metrics listener.
It finds them as serve does, in the environment and in the file of --config. Flags of the
serve that runs are not known to it: give them to it as well.

Ready means that there is something to serve. Legate stays ready while Consul is away, once
it has read Consul, or has the last known catalog (--state-dir).

Exit codes: 0 it is ready, 1 it is not, or does not answer, and why, 2 a mistake in the
settings.`,
		examples: `
# in a Dockerfile
HEALTHCHECK CMD ["/usr/local/bin/legate", "healthcheck"]

# where an unhealthy container is restarted: while Consul is away at a start, that would not help
legate healthcheck --alive`,
		settings: append(slices.DeleteFunc(slices.Clone(serve.settings), func(s *setting) bool { return !locates(s) }),
			boolean(&alive, setting{
				name: "alive", env: "LEGATE_HEALTHCHECK_ALIVE", category: "What",
				usage: "Ask only whether it runs and answers, not whether there is something to serve.",
			})),
		run: func(ctx context.Context) error {
			client, base, where, err := o.listen.reach(stateDir(o.state.Dir, p.getenv))
			if err != nil {
				return usageError{err}
			}
			path := "/readyz"
			if alive {
				path = "/healthz"
			}
			said, err := probe(ctx, client, base+path)
			if err != nil {
				return fmt.Errorf("ask legate at %s: %w", where, err)
			}
			fmt.Fprintln(p.out, said)
			return nil
		},
	}
}

// locates reports whether a setting of serve says where its listeners for people and probes are.
func locates(s *setting) bool {
	switch s.name {
	case "admin-listen", "admin-socket", "metrics-listen", "state-dir", "config", "admin-tls-cert", "admin-tls-key", "admin-tls-client-ca":
		return true
	}
	return false
}

// reach returns a client for the listener that needs no certificate, the URL that its paths begin with, and where
// that is in the form of the settings.
func (o *listenOptions) reach(stateDir string) (client *http.Client, base, where string, err error) {
	socket := o.adminSocket
	if socket == "" && stateDir != "" {
		socket = filepath.Join(stateDir, adminSocket)
	}
	switch {
	case !o.adminTLS.On():
		where = o.admin
	case socket != "":
		where = unixScheme + socket
	case o.metrics != "":
		where = o.metrics
	case o.adminTLS.ClientCAFile == "":
		// Nothing secret is sent, and the answer is about this machine: whose certificate it is does not matter.
		t := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		return &http.Client{Transport: t}, "https://" + o.admin, o.admin, nil
	default:
		return nil, "", "", errors.New("--admin-listen asks for certificates, and a health check has none: give Legate --admin-socket, or --metrics-listen")
	}
	path, isSocket := strings.CutPrefix(where, unixScheme)
	if !isSocket {
		return &http.Client{Transport: &http.Transport{}}, "http://" + where, where, nil
	}
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	return &http.Client{Transport: t}, "http://localhost", where, nil
}

// probe returns what Legate says if it is well, and an error with its words if not.
func probe(ctx context.Context, client *http.Client, url string) (said string, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", usageError{err}
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("%w: does it run there? Its addresses are read from the environment, from --config, or from flags as of serve", transport(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, quote.TextBytes))
	if err != nil {
		return "", err
	}
	said = quote.Text(strings.TrimSpace(string(body)), quote.TextBytes)
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(cmp.Or(said, resp.Status))
	}
	return said, nil
}
