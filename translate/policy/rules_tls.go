package policy

import "path"

// On reports whether connections are encrypted.
func (t TLS) On() bool {
	return orElse(t.Enabled, t.SNI != nil || t.CA != nil || t.Cert != nil || t.Key != nil || t.SDS != nil || t.CASDS != nil ||
		t.SANs != nil || t.MinVersion != nil || t.MaxVersion != nil || t.ALPN != nil || t.SessionKeys != nil)
}

// System is the CA that stands for those of Envoy's machine, and Host the SNI that stands for each
// instance's own host name.
const (
	System = "system"
	Host   = "host"
)

func (c *checker) tls() {
	t := c.policy.TLS
	switch {
	case !t.On():
		return
	case (t.Cert == nil) != (t.Key == nil):
		c.lacks("tls.cert_file tls.key_file", "tls.cert_file tls.key_file", "a certificate needs its key", "set both tls.cert_file and tls.key_file")
	case t.Cert != nil && t.SDS != nil:
		c.wrong("tls.cert_file tls.key_file tls.sds", "two certificates", "set cert_file and key_file, or sds")
	}
	if t.CASDS != nil && t.CA != nil {
		c.wrong("tls.ca_sds tls.ca", "the secret says already who is believed", "set ca, or ca_sds")
	}
	if orElse(t.CA, System) == System && t.CASDS == nil && len(t.SANs) == 0 && t.SNI == nil {
		c.lacks("tls.ca tls.enabled tls.cert_file tls.key_file tls.sds tls.min_version tls.max_version tls.alpn tls.max_session_keys",
			"tls.sni", "every certificate that any public authority ever signed would be accepted", "set tls.sni or tls.sans to the service's name, or tls.ca to its own authority")
	}
	if is(t.MinVersion, "1.3") && is(t.MaxVersion, "1.2") {
		c.wrong("tls.min_version tls.max_version", "the lowest version is above the highest", "set min_version to at most max_version")
	}
	for _, f := range []struct {
		path string
		file *string
	}{{"tls.ca", t.CA}, {"tls.cert_file", t.Cert}, {"tls.key_file", t.Key}} {
		if f.file != nil && (f.path != "tls.ca" || *f.file != System) && !path.IsAbs(*f.file) {
			c.wrong(f.path, quote(*f.file)+" is not an absolute path", "write the path on Envoy's machine, such as /etc/ssl/ca.pem")
		}
	}
	for _, f := range []struct {
		path   string
		secret *string
	}{{"tls.sds", t.SDS}, {"tls.ca_sds", t.CASDS}} {
		if f.secret != nil && path.IsAbs(*f.secret) && !isSecretFile(*f.secret) {
			c.wrong(f.path, quote(*f.secret)+" does not end like a file of Envoy's SDS", "write the name of a secret in the bootstrap, or a path such as /etc/envoy/NAME.yaml of a file with the secret NAME")
		}
	}
	for _, one := range t.ALPN {
		if one == "" || len(one) > 255 {
			c.wrong("tls.alpn", quote(one)+" is no protocol", "write names such as h2 or http/1.1")
		}
	}
}

// isSecretFile reports whether Envoy reads a secret from a file of this name, which names the secret, too.
func isSecretFile(file string) bool {
	switch extension := path.Ext(file); extension {
	case ".yaml", ".yml", ".json":
		return path.Base(file) != extension
	default:
		return false
	}
}
