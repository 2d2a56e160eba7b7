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

// TLS says how a listener authenticates itself and its clients.
type TLS struct {
	CertFile string // certificate chain, in PEM
	KeyFile  string // its key, in PEM
	// ClientCAFile holds authorities in PEM, one of which must have signed a client's certificate.
	// Empty: clients need none.
	ClientCAFile string
	// AllowedSANs are patterns. The only URI or a DNS name in the client's certificate must match
	// one of them; see san.go. Empty: every certificate signed by an authority of ClientCAFile is
	// allowed.
	AllowedSANs []string
	// Recheck is the interval at which connected clients are checked again.
	Recheck time.Duration
}

// On reports whether any of the settings is set.
func (t TLS) On() bool {
	return t.CertFile != "" || t.KeyFile != "" || t.ClientCAFile != "" || len(t.AllowedSANs) > 0
}

// Validate reports settings that contradict each other. Errors name the flags, which begin with
// flag, such as --tls or --admin-tls.
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

// files returns the paths in the settings.
func (t TLS) files() []string {
	files := []string{t.CertFile, t.KeyFile}
	if t.ClientCAFile != "" {
		files = append(files, t.ClientCAFile)
	}
	return files
}

// load reads the files and makes the settings of the next handshakes.
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

// pemFile reads a file. Its errors never quote the content.
func pemFile(path string) ([]byte, error) {
	content, err := files.Read(path, files.MaxPEM)
	if err != nil {
		return nil, fmt.Errorf("read %q: %s: give the path of a PEM file that this user can read", path, cause(err))
	}
	return content, nil
}

// cause strips what the caller says itself from an error.
func cause(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return strings.TrimPrefix(err.Error(), "tls: ")
}
