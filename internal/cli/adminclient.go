package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"time"

	"legate/internal/files"
	"legate/internal/quote"
)

// adminClient calls the admin listener of a running Legate, for the commands that need one.
type adminClient struct {
	address, socket, tokenFile, caFile string

	patience time.Duration // how much longer than adminTimeout an answer may take that waits for something
}

// maxAnswer is the size limit of an answer in bytes: that of a dump of all that is served, as an Envoy's.
const maxAnswer = maxDump

// adminTimeout is how long a running Legate may take to answer.
const adminTimeout = 10 * time.Second

func (a *adminClient) settings() []*setting {
	const category = "Running Legate"
	a.address = "127.0.0.1:18001"
	return []*setting{
		secretText(text(&a.address, setting{
			name: "admin-addr", env: "LEGATE_ADMIN_ADDR", category: category, hint: "ADDR",
			usage: "Its --admin-listen: host:port, https://host:port, or unix:///path.",
		}), func(v string) error {
			if strings.ContainsAny(v, "@?#") {
				return errors.New("an address has no user and no query: the token goes into a file, which --admin-token-file names")
			}
			return nil
		}),
		shown(text(&a.socket, setting{
			name: "admin-socket", env: "LEGATE_ADMIN_SOCKET", key: "admin.socket", category: category, hint: "PATH",
			usage: "Its --admin-socket; wins over --admin-addr.",
		}), "none"),
		readable(text(&a.tokenFile, setting{
			name: "admin-token-file", env: "LEGATE_ADMIN_TOKEN_FILE", key: "admin.token_file", category: category, hint: "FILE",
			usage: "File with its admin token.",
		})),
		readable(text(&a.caFile, setting{
			name: "admin-ca-file", env: "LEGATE_ADMIN_CA_FILE", category: category, hint: "FILE",
			usage: "Certificates of the authorities that its certificate is checked against, in PEM. Without it: the system's.",
		})),
	}
}

// call sends a request and decodes the answer into out.
func (a *adminClient) call(ctx context.Context, method, path string, out any) error {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout+a.patience)
	defer cancel()
	if path, isSocket := strings.CutPrefix(a.address, unixScheme); isSocket && a.socket == "" {
		a.socket = path
	}
	client, base, err := a.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, method, base+path, nil)
	if err != nil {
		return usageError{fmt.Errorf("--admin-addr %q: not an address: use host:port or https://host:port", a.address)}
	}
	if a.tokenFile != "" && a.socket == "" {
		token, err := files.ReadToken(a.tokenFile)
		if err != nil {
			return usageError{fmt.Errorf("--admin-token-file %q: %w", a.tokenFile, reason(err))}
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("ask legate at %s: %w: only the user that Legate runs as can open it, so begin with: sudo -u USER", a.where(), transport(err))
	}
	if err != nil {
		return fmt.Errorf("ask legate at %s: %w: does it run there? See --admin-addr and --admin-socket", a.where(), transport(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("ask legate at %s: %w", a.where(), err)
	}
	if len(body) > maxAnswer {
		return fmt.Errorf("legate at %s: its answer has more than %d MiB: is it Legate's admin listener?", a.where(), maxAnswer>>20)
	}
	if resp.StatusCode != http.StatusOK {
		text, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
		err := fmt.Errorf("legate at %s: %s: %s", a.where(), quote.Text(resp.Status, quote.NameBytes), quote.Text(text, quote.TextBytes))
		if resp.StatusCode == http.StatusNotFound {
			return notFound{err}
		}
		return err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("legate at %s: its answer is not understood: %w: is it Legate's admin listener?", a.where(), err)
	}
	return nil
}

func (a *adminClient) where() string {
	if a.socket != "" {
		return a.socket
	}
	return a.address
}

func (a *adminClient) client() (*http.Client, string, error) {
	t := &http.Transport{}
	if a.socket != "" {
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", a.socket)
		}
		return &http.Client{Transport: t}, "http://legate", nil
	}
	if a.caFile != "" {
		pem, err := files.Read(a.caFile, files.MaxPEM)
		if err != nil {
			return nil, "", fmt.Errorf("read --admin-ca-file %q: %w", a.caFile, reason(err))
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, "", usageError{fmt.Errorf("--admin-ca-file %q: no certificate in it", a.caFile)}
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	base := strings.TrimSuffix(a.address, "/")
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	return &http.Client{Transport: t}, base, nil
}

// notFound is the answer of a Legate that has not what it was asked for.
type notFound struct{ error }

// transport strips the method and URL from an error of the HTTP client.
func transport(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}
