package discovery

import (
	"crypto/tls"
	"fmt"

	"github.com/hashicorp/consul/api"
)

// tlsFor is nil for an address without TLS.
func tlsFor(a address, t TLS) (*tls.Config, error) {
	if a.scheme != "https" || a.network == "unix" {
		return nil, nil
	}
	c, err := api.SetupTLSConfig(&api.TLSConfig{
		Address: t.ServerName, CAFile: t.CAFile, CAPath: t.CAPath,
		CertFile: t.CertFile, KeyFile: t.KeyFile, InsecureSkipVerify: t.InsecureSkipVerify,
	})
	if err != nil {
		return nil, fmt.Errorf("set up consul tls %q: %w", a, err)
	}
	c.MinVersion = tls.VersionTLS12
	return c, nil
}
