package cli

import (
	"errors"
	"net/netip"
)

// bootstrapTLS is how Envoy speaks TLS to Legate. The files are Envoy's: this machine need not
// have them.
type bootstrapTLS struct {
	CA, Cert, Key string
	Name          string // that Legate's certificate must have
	NameType      string // DNS or IP_ADDRESS, as Envoy calls them
	SNI           string // empty for an IP address: it has none
	ALPN          string // empty over REST
}

// tls puts the options into the template's words; nil where none was given.
func (o *bootstrapOptions) tls(legate endpoint) (*bootstrapTLS, error) {
	switch {
	case o.ca == "" && o.cert == "" && o.key == "" && o.serverName == "":
		return nil, nil
	case o.ca == "":
		return nil, errors.New("--ca-file: Envoy would not know whether it speaks to Legate: give the authorities that signed Legate's certificate")
	case (o.cert == "") != (o.key == ""):
		return nil, errors.New("--cert-file and --key-file: give both, or none where Legate asks for no certificate")
	}
	t := &bootstrapTLS{CA: o.ca, Cert: o.cert, Key: o.key, Name: or(o.serverName, legate.Host), NameType: "DNS", ALPN: "h2"}
	if _, err := netip.ParseAddr(t.Name); err == nil {
		t.NameType = "IP_ADDRESS"
	} else {
		t.SNI = t.Name
	}
	if o.mode == "rest" {
		t.ALPN = ""
	}
	return t, nil
}

func (o *bootstrapOptions) tlsSettings() []*setting {
	const category = "TLS"
	return []*setting{
		text(&o.ca, setting{
			name: "ca-file", env: "LEGATE_BOOTSTRAP_CA_FILE", key: "bootstrap.ca_file", category: category, hint: "FILE",
			usage: "Authorities, in PEM, that Legate's certificate (serve --tls-cert) is checked against. Turns TLS on. These paths are those on Envoy's machine.",
		}),
		text(&o.cert, setting{
			name: "cert-file", env: "LEGATE_BOOTSTRAP_CERT_FILE", key: "bootstrap.cert_file", category: category, hint: "FILE",
			usage: "Certificate that Envoy shows, where Legate asks for one (serve --tls-client-ca). Envoy reads it at its start only.",
		}),
		text(&o.key, setting{
			name: "key-file", env: "LEGATE_BOOTSTRAP_KEY_FILE", key: "bootstrap.key_file", category: category, hint: "FILE",
			usage: "Key of that certificate.",
		}),
		shown(text(&o.serverName, setting{
			name: "server-name", env: "LEGATE_BOOTSTRAP_SERVER_NAME", key: "bootstrap.server_name", category: category, hint: "NAME",
			usage: "DNS name or IP address that Legate's certificate must be for.",
		}), "the host of --xds-address"),
	}
}
