package consul

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"path/filepath"

	"github.com/hashicorp/consul/api"

	"legate/internal/files"
)

// tlsFor is nil for an address without TLS. New connections follow the files when they change;
// those that are open stay.
func tlsFor(a address, t TLS, kept *credentials) (*tls.Config, error) {
	if a.scheme != "https" || a.network == "unix" {
		return nil, nil
	}
	c, err := api.SetupTLSConfig(&api.TLSConfig{Address: t.ServerName, InsecureSkipVerify: t.InsecureSkipVerify})
	if err == nil && t.CertFile != "" {
		err = showCertificate(c, t, kept)
	}
	if err == nil && !t.InsecureSkipVerify && (t.CAFile != "" || t.CAPath != "") {
		err = trustAuthorities(c, a, t, kept)
	}
	if err != nil {
		return nil, fmt.Errorf("set up consul tls %q: %w", a, err)
	}
	c.MinVersion = tls.VersionTLS12
	return c, nil
}

// showCertificate makes c show a certificate that may be replaced meanwhile.
func showCertificate(c *tls.Config, t TLS, kept *credentials) error {
	paths := func() []string { return []string{t.CertFile, t.KeyFile} }
	pair, err := keep(kept, fmt.Sprintf("consul client certificate %q with key %q", t.CertFile, t.KeyFile), paths, func() (*tls.Certificate, error) {
		cert, err := files.Read(t.CertFile, files.MaxPEM)
		if err != nil {
			return nil, err
		}
		key, err := files.Read(t.KeyFile, files.MaxPEM)
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(cert, key)
		return &pair, err
	})
	if err != nil {
		return err
	}
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair.Now(), nil }
	return nil
}

// trustAuthorities makes c check Consul's certificate against authorities that may be replaced
// meanwhile. crypto/tls keeps to those that it is given at first: so its check is switched off, and
// the same one is made here.
func trustAuthorities(c *tls.Config, a address, t TLS, kept *credentials) error {
	paths := func() []string {
		if t.CAFile != "" {
			return []string{t.CAFile}
		}
		inside, _ := filepath.Glob(filepath.Join(t.CAPath, "*")) // reading the folder says what is wrong with it
		return append(inside, t.CAPath)
	}
	authorities, err := keep(kept, fmt.Sprintf("consul authorities %q", t.CAFile+t.CAPath), paths, func() (*x509.CertPool, error) {
		from := api.TLSConfig{CAPath: t.CAPath}
		if t.CAFile != "" {
			var err error
			if from.CAPem, err = files.Read(t.CAFile, files.MaxPEM); err != nil {
				return nil, err
			}
		}
		read, err := api.SetupTLSConfig(&from)
		if err != nil {
			return nil, err
		}
		return read.RootCAs, nil
	})
	if err != nil {
		return err
	}
	name := c.ServerName
	if name == "" {
		if name, _, err = net.SplitHostPort(a.dial); err != nil {
			return err
		}
	}
	c.InsecureSkipVerify = true
	c.VerifyConnection = func(s tls.ConnectionState) error { return vouched(s.PeerCertificates, name, authorities.Now()) }
	return nil
}

// vouched is an error unless the chain leads from a certificate for the name to an authority.
func vouched(chain []*x509.Certificate, name string, authorities *x509.CertPool) error {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{DNSName: name, Roots: authorities, Intermediates: between}); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	}
	return nil
}
