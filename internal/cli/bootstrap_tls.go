package cli

import (
	"errors"
	"net/netip"
)

// bootstrapTLS is how Envoy speaks TLS to Legate. The paths are those on Envoy's machine, so the
// files need not exist here. Only the SDS files are written here.
type bootstrapTLS struct {
	CA, Cert, Key string
	SDS           string    // folder of the SDS files that Envoy watches; empty: it reads CA, Cert and Key once
	Names         []tlsName // Legate's certificate must have one of them
	SNI           string    // empty for an IP address and for several names
}

// tlsName is a name in a certificate. Type is DNS or IP_ADDRESS, Envoy's terms.
type tlsName struct{ Name, Type string }

// tls turns the options into the template's data; nil if there are none.
func (o *bootstrapOptions) tls(legate []address) (*bootstrapTLS, error) {
	switch {
	case o.ca == "" && o.cert == "" && o.key == "" && o.serverName == "" && o.sds == "":
		return nil, nil
	case o.ca == "":
		return nil, errors.New("--ca-file: Envoy would not know whether it speaks to Legate: give the authorities that signed Legate's certificate")
	case (o.cert == "") != (o.key == ""):
		return nil, errors.New("--cert-file and --key-file: give both, or none where Legate asks for no certificate")
	}
	t := &bootstrapTLS{CA: o.ca, Cert: o.cert, Key: o.key, SDS: o.sds}
	names := []string{o.serverName}
	if o.serverName == "" {
		names = nil
		for _, a := range legate {
			if a.Path != "" {
				return nil, errors.New("--server-name: a unix socket has no name: give one that is in Legate's certificate")
			}
			names = append(names, a.Host)
		}
	}
	seen := map[string]bool{}
	for _, n := range names {
		if seen[n] {
			continue
		}
		seen[n] = true
		if _, err := netip.ParseAddr(n); err == nil {
			t.Names = append(t.Names, tlsName{n, "IP_ADDRESS"})
		} else {
			t.Names = append(t.Names, tlsName{n, "DNS"})
		}
	}
	if len(t.Names) == 1 && t.Names[0].Type == "DNS" {
		t.SNI = t.Names[0].Name
	}
	return t, nil
}

func (o *bootstrapOptions) tlsSettings() []*setting {
	const category = "TLS"
	return []*setting{
		text(&o.ca, setting{
			name: "ca-file", env: "LEGATE_BOOTSTRAP_CA_FILE", key: "bootstrap.ca_file", category: category, hint: "FILE",
			usage: "Authorities, in PEM, for verifying Legate's certificate (serve --tls-cert). Turns TLS on. The paths are those on Envoy's machine.",
		}),
		text(&o.cert, setting{
			name: "cert-file", env: "LEGATE_BOOTSTRAP_CERT_FILE", key: "bootstrap.cert_file", category: category, hint: "FILE",
			usage: "Certificate that Envoy presents, if Legate requires one (serve --tls-client-ca).",
		}),
		text(&o.key, setting{
			name: "key-file", env: "LEGATE_BOOTSTRAP_KEY_FILE", key: "bootstrap.key_file", category: category, hint: "FILE",
			usage: "Key of that certificate.",
		}),
		text(&o.sds, setting{
			name: "sds-dir", env: "LEGATE_BOOTSTRAP_SDS_DIR", key: "bootstrap.sds_dir", category: category, hint: "FOLDER",
			usage: "Folder on Envoy's machine for two small files that name the certificate files, for Envoy's SDS: Envoy then picks up renewed certificates that are renamed into place, without a restart. Without it Envoy reads them only at its start.",
		}),
		shown(text(&o.serverName, setting{
			name: "server-name", env: "LEGATE_BOOTSTRAP_SERVER_NAME", key: "bootstrap.server_name", category: category, hint: "NAME",
			usage: "DNS name or IP address that Legate's certificate must have.",
		}), "the hosts of --xds-address"),
	}
}
