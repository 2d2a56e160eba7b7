package listen

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"legate/internal/files"
)

// TLS says how a listener proves who it is, and who may connect.
type TLS struct {
	CertFile string // certificate chain, in PEM
	KeyFile  string // its key, in PEM
	// ClientCAFile holds the authorities, in PEM, one of which must have signed a client's
	// certificate. Empty: clients need none.
	ClientCAFile string
	// AllowedSANs are patterns, one of which the only URI or a DNS name in the client's certificate
	// must match; see san.go. None: every certificate that an authority of ClientCAFile signed is
	// allowed.
	AllowedSANs []string
	// Recheck is how often it is looked whether clients that are connected may be still.
	Recheck time.Duration
}

// On reports whether anything was said about TLS.
func (t TLS) On() bool {
	return t.CertFile != "" || t.KeyFile != "" || t.ClientCAFile != "" || len(t.AllowedSANs) > 0
}

// Validate says what does not fit together. flag is what the settings' names begin with, such as
// --tls or --admin-tls.
func (t TLS) Validate(flag string) error {
	var errs []error
	if t.On() && (t.CertFile == "" || t.KeyFile == "") {
		errs = append(errs, fmt.Errorf("%s: a certificate and its key are needed: give both %[1]s-cert and %[1]s-key", flag))
	}
	if len(t.AllowedSANs) > 0 && t.ClientCAFile == "" {
		errs = append(errs, fmt.Errorf("%s-allowed-san: nobody has to show a certificate: give the authorities of the clients with %[1]s-client-ca", flag))
	}
	if _, err := patternsOf(t.AllowedSANs); err != nil {
		errs = append(errs, fmt.Errorf("%s-allowed-san: %w", flag, err))
	}
	return errors.Join(errs...)
}

// files are those that the settings name.
func (t TLS) files() []string {
	files := []string{t.CertFile, t.KeyFile}
	if t.ClientCAFile != "" {
		files = append(files, t.ClientCAFile)
	}
	return files
}

// load reads the files and makes of them what the next handshakes use.
func (t TLS) load() (*tls.Config, error) {
	cert, err := pemFile(t.CertFile)
	if err != nil {
		return nil, err
	}
	key, err := pemFile(t.KeyFile)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("certificate %q with key %q: %s: give a PEM certificate and the key that belongs to it", t.CertFile, t.KeyFile, cause(err))
	}
	c := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{pair},
		NextProtos:   []string{"h2", "http/1.1"},
	}
	if t.ClientCAFile == "" {
		return c, nil
	}
	authorities, err := pemFile(t.ClientCAFile)
	if err != nil {
		return nil, err
	}
	c.ClientCAs = x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(authorities) {
		return nil, fmt.Errorf("client authorities %q: no certificate in it: give a file with certificates in PEM", t.ClientCAFile)
	}
	c.ClientAuth = tls.RequireAndVerifyClientCert
	return c, nil
}

// pemFile reads a file; its content never becomes part of an error.
func pemFile(path string) ([]byte, error) {
	content, err := files.Read(path, files.MaxPEM)
	if err != nil {
		return nil, fmt.Errorf("read %q: %s: give the path of a PEM file that this user can read", path, cause(err))
	}
	return content, nil
}

// cause is an error without the words around it that the caller says itself.
func cause(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return strings.TrimPrefix(err.Error(), "tls: ")
}
