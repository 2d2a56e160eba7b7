package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"legate/internal/files"
)

// clientTLS is how a command speaks TLS to Legate's xDS listener.
type clientTLS struct{ ca, cert, key, serverName string }

// settings are those of a command whose variables begin with env, and whose keys are in block.
func (t *clientTLS) settings(env, block string) []*setting {
	const category = "TLS"
	return []*setting{
		readable(text(&t.ca, setting{
			name: "ca-file", env: env + "_CA_FILE", key: block + ".ca_file", category: category, hint: "FILE",
			usage: "Authorities, in PEM, for verifying Legate's certificate (serve --tls-cert). Turns TLS on.",
		})),
		readable(text(&t.cert, setting{
			name: "cert-file", env: env + "_CERT_FILE", key: block + ".cert_file", category: category, hint: "FILE",
			usage: "Certificate of this client, if Legate requires one (serve --tls-client-ca).",
		})),
		private(readable(text(&t.key, setting{
			name: "key-file", env: env + "_KEY_FILE", key: block + ".key_file", category: category, hint: "FILE",
			usage: "Key of that certificate.",
		}))),
		shown(text(&t.serverName, setting{
			name: "server-name", env: env + "_SERVER_NAME", key: block + ".server_name", category: category, hint: "NAME",
			usage: "DNS name or IP address that Legate's certificate must have.",
		}), "the host of --xds-address"),
	}
}

// config returns what makes the settings for a connection, from the files as they are then; nil without
// TLS. It fails if they cannot be made now.
func (t *clientTLS) config(to address) (func() (*tls.Config, error), error) {
	switch {
	case *t == clientTLS{}:
		return nil, nil
	case t.ca == "":
		return nil, errors.New("--ca-file: nobody would know whether it is Legate that answers: give the authorities that signed its certificate")
	case (t.cert == "") != (t.key == ""):
		return nil, errors.New("--cert-file and --key-file: give both, or none where Legate asks for no certificate")
	case t.serverName == "" && to.Path != "":
		return nil, errors.New("--server-name: a unix socket has no name: give one that is in Legate's certificate")
	}
	name := t.serverName
	if name == "" {
		name = to.Host
	}
	load := func() (*tls.Config, error) {
		pem, err := files.Read(t.ca, files.MaxPEM)
		if err != nil {
			return nil, fmt.Errorf("--ca-file %q: %w", t.ca, reason(err))
		}
		c := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: name, MinVersion: tls.VersionTLS12}
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca-file %q: no certificate in it", t.ca)
		}
		if t.cert == "" {
			return c, nil
		}
		cert, errCert := files.Read(t.cert, files.MaxPEM)
		key, errKey := files.Read(t.key, files.MaxPEM)
		if err := errors.Join(errCert, errKey); err != nil {
			return nil, fmt.Errorf("--cert-file %q and --key-file %q: %w", t.cert, t.key, err)
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("--cert-file %q and --key-file %q: %w: give a PEM certificate and the key that belongs to it", t.cert, t.key, err)
		}
		c.Certificates = []tls.Certificate{pair}
		return c, nil
	}
	_, err := load()
	return load, err
}
