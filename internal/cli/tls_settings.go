package cli

import (
	"time"

	"legate/internal/listen"
)

// tlsSettings say how a listener authenticates itself and its clients. Flags and variables begin
// with prefix and env, and the keys are in block.
func tlsSettings(to *listen.TLS, prefix, env, block, category, what string) []*setting {
	to.Recheck = 30 * time.Second
	return []*setting{
		readable(text(&to.CertFile, setting{
			name: prefix + "-cert", env: env + "_CERT", key: block + ".tls_cert", category: category, hint: "FILE",
			usage: "Certificate chain of " + what + ", in PEM. Turns TLS on (1.2 or later). Read again when the file changes; connections that are open stay.",
		})),
		private(readable(text(&to.KeyFile, setting{
			name: prefix + "-key", env: env + "_KEY", key: block + ".tls_key", category: category, hint: "FILE",
			usage: "Key of that certificate, in PEM.",
		}))),
		readable(text(&to.ClientCAFile, setting{
			name: prefix + "-client-ca", env: env + "_CLIENT_CA", key: block + ".tls_client_ca", category: category, hint: "FILE",
			usage: "Authorities, in PEM. Only clients with a certificate signed by one of them are admitted (mTLS).",
		})),
		list(&to.AllowedSANs, setting{
			name: prefix + "-allowed-san", env: env + "_ALLOWED_SANS", key: block + ".tls_allowed_sans", category: category, hint: "GLOB",
			usage: "Of those, only clients are admitted whose certificate has a matching URI or DNS name, such as spiffe://example.org/envoy/* or *.envoy.internal: * is any run of characters within a path segment or a host label, ? any one, ** whole segments or labels. A pattern is for URIs if it begins with a scheme. A URI counts only if it is the certificate's only one. Default: all of them.",
		}),
		duration(&to.Recheck, time.Second, time.Hour, setting{
			name: prefix + "-recheck", env: env + "_RECHECK", key: block + ".tls_recheck", category: category,
			usage: "Interval at which connected clients are checked again. Those whose certificate has expired, or whose authority was removed from the file, are disconnected.",
		}),
	}
}
