package translate

import (
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	proxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/proxy_protocol/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
)

// Envoy reads a file that a cluster names once, when it makes the cluster. It watches the files that a secret
// names. So the paths that are in a cluster's TLS go into secrets, which Envoy asks for by name. A secret has
// paths on Envoy's machine and nothing else: no key ever passes Legate.

// secretsOf moves the paths of a cluster's TLS into secrets, which it returns sorted by name. Raw fields have
// been merged before, so their paths are moved, too.
func secretsOf(c *clusterv3.Cluster) (all []*tlsv3.Secret, err error) {
	err = eachTLS(c, func(t *tlsv3.CommonTlsContext) bool {
		n := len(all)
		if s := ownCertificate(t); s != nil {
			all = append(all, s)
		}
		if s := authorities(t); s != nil {
			all = append(all, s)
		}
		return len(all) > n
	})
	slices.SortFunc(all, func(a, b *tlsv3.Secret) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(all, func(a, b *tlsv3.Secret) bool { return a.Name == b.Name }), err
}

// ownCertificate takes the paths of Envoy's own certificate and its key out of a TLS context, as a secret; nil
// if it has none, or more than these. Raw fields can say more of it, such as a password.
func ownCertificate(t *tlsv3.CommonTlsContext) *tlsv3.Secret {
	if len(t.TlsCertificates) != 1 {
		return nil
	}
	own := t.TlsCertificates[0]
	chain, key := own.GetCertificateChain().GetFilename(), own.GetPrivateKey().GetFilename()
	if !proto.Equal(own, &tlsv3.TlsCertificate{CertificateChain: file(chain), PrivateKey: file(key)}) {
		return nil
	}
	name := secretName("certificate", chain, key)
	t.TlsCertificates = nil
	t.TlsCertificateSdsSecretConfigs = append(t.TlsCertificateSdsSecretConfigs, served(name))
	return &tlsv3.Secret{Name: name, Type: &tlsv3.Secret_TlsCertificate{
		TlsCertificate: own}}
}

// authorities takes the paths of the authorities and of what they revoked out of a TLS context, as a secret;
// nil if it has none. Everything else that says which certificate is believed stays.
func authorities(t *tlsv3.CommonTlsContext) *tlsv3.Secret {
	v := t.GetValidationContext()
	ca, crl := v.GetTrustedCa().GetFilename(), v.GetCrl().GetFilename()
	if ca == "" || v.GetCrl() != nil && crl == "" {
		return nil
	}
	moved := &tlsv3.CertificateValidationContext{TrustedCa: file(ca)}
	paths := []string{ca}
	if crl != "" {
		moved.Crl, paths = file(crl), append(paths, crl)
	}
	name := secretName("ca", paths...)
	stays := proto.CloneOf(v)
	stays.TrustedCa, stays.Crl = nil, nil
	if proto.Size(stays) == 0 {
		t.ValidationContextType = &tlsv3.CommonTlsContext_ValidationContextSdsSecretConfig{ValidationContextSdsSecretConfig: served(name)}
	} else {
		t.ValidationContextType = &tlsv3.CommonTlsContext_CombinedValidationContext{
			CombinedValidationContext: &tlsv3.CommonTlsContext_CombinedCertificateValidationContext{
				DefaultValidationContext: stays, ValidationContextSdsSecretConfig: served(name)}}
	}
	return &tlsv3.Secret{Name: name, Type: &tlsv3.Secret_ValidationContext{ValidationContext: moved}}
}

// served is a secret that Envoy gets where it gets its clusters.
func served(name string) *tlsv3.SdsSecretConfig {
	return &tlsv3.SdsSecretConfig{Name: name, SdsConfig: overADS()}
}

// longestSecretName keeps the names of secrets below what the server lets a client ask for.
const longestSecretName = 600

// secretName says what a secret holds, so that equal ones are one, and people can read it in Envoy.
func secretName(kind string, paths ...string) string {
	escape := strings.NewReplacer("%", "%25", ":", "%3A")
	name := kind
	for _, p := range paths {
		name += ":" + escape.Replace(p)
	}
	if len(name) > longestSecretName {
		return kind + ":" + versionOf([]byte(name))
	}
	return name
}

// eachTLS calls edit for each TLS context of a cluster, and keeps what edit reports to have changed.
func eachTLS(c *clusterv3.Cluster, edit func(*tlsv3.CommonTlsContext) (changed bool)) error {
	err := editTLS(c.GetTransportSocket(), edit)
	for _, m := range c.GetTransportSocketMatches() {
		err = firstOf(err, editTLS(m.GetTransportSocket(), edit))
	}
	return err
}

func editTLS(s *corev3.TransportSocket, edit func(*tlsv3.CommonTlsContext) bool) error {
	packed := s.GetTypedConfig()
	up, around := &tlsv3.UpstreamTlsContext{}, &proxyv3.ProxyProtocolUpstreamTransport{}
	switch {
	case packed.MessageIs(up):
		if err := packed.UnmarshalTo(up); err != nil {
			return err
		}
		if up.CommonTlsContext == nil || !edit(up.CommonTlsContext) {
			return nil
		}
		return repack(s, up)
	case packed.MessageIs(around):
		if err := packed.UnmarshalTo(around); err != nil {
			return err
		}
		before := around.GetTransportSocket().GetTypedConfig().GetValue()
		if err := editTLS(around.TransportSocket, edit); err != nil || slices.Equal(before, around.GetTransportSocket().GetTypedConfig().GetValue()) {
			return err
		}
		return repack(s, around)
	}
	return nil
}

func repack(s *corev3.TransportSocket, config message) error {
	packed, err := typed(config)
	s.ConfigType = &corev3.TransportSocket_TypedConfig{TypedConfig: packed}
	return err
}
