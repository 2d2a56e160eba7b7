package discovery

import (
	"crypto/tls"
	"fmt"
	"log/slog"

	"github.com/hashicorp/consul/api"
)

// tlsFor is nil for an address without TLS.
func tlsFor(a address, t TLS, log *slog.Logger) (*tls.Config, error) {
	if a.scheme != "https" || a.network == "unix" {
		return nil, nil
	}
	c, err := api.SetupTLSConfig(&api.TLSConfig{
		Address: t.ServerName, CAFile: t.CAFile, CAPath: t.CAPath,
		InsecureSkipVerify: t.InsecureSkipVerify,
	})
	if err != nil {
		return nil, fmt.Errorf("set up consul tls %q: %w", a, err)
	}
	c.MinVersion = tls.VersionTLS12
	if t.CertFile != "" {
		pair, err := newKeyPair(t.CertFile, t.KeyFile, log)
		if err != nil {
			return nil, fmt.Errorf("set up consul tls %q: %w", a, err)
		}
		c.GetClientCertificate = pair.current
	}
	return c, nil
}
