package consul

import (
	"crypto/x509"
	"errors"
	"net/http"
	"strings"

	"github.com/hashicorp/consul/api"
)

// RemedyOf is what a person can do about a failed query. Where Consul, or what answers in its place,
// says what is wrong, that counts for more than the kind of the failure.
func RemedyOf(err error) string {
	var status api.StatusError
	var path noPath
	var cut waitCut
	var peering noPeering
	var write noWrite
	var authority x509.UnknownAuthorityError
	var roots x509.SystemRootsError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &path):
		return path.remedy()
	case errors.As(err, &cut):
		return cut.remedy()
	case errors.As(err, &peering):
		return peering.remedy()
	case errors.As(err, &write) && !IsTokenUnknown(err):
		return write.remedy()
	case errors.As(err, &status):
		if said := remedyOfStatus(status); said != "" {
			return said
		}
	case errors.As(err, &authority), errors.As(err, &roots):
		return "give the certificate of Consul's authority: --consul-ca-file"
	case errors.As(err, &host):
		return "say which name Consul's certificate has: --consul-tls-server-name, such as server.dc1.consul"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "renew Consul's certificate, and check the clocks of both machines"
	case errors.Is(err, errNotHTTP):
		return "use the port of Consul's HTTP API (8500; 8501 for HTTPS): this is another one, such as that of gRPC (8502, 8503)"
	case errors.Is(err, errNotTLS):
		return "use http://: there is no TLS on that port; Consul has HTTPS on another one (ports.https, usually 8501)"
	}
	if full := (crowded{}); errors.As(err, &full) {
		return full.remedy()
	}
	return FailureOf(err).remedy()
}

// fewerConnections is what helps against too many connections, whatever they speak.
const fewerConnections = "lower --max-connections, or raise limits.http_max_conns_per_client in Consul"

// remedyOfStatus is empty where the code says all. The texts are Consul's.
func remedyOfStatus(s api.StatusError) string {
	says := func(text string) bool { return strings.Contains(s.Body, text) }
	switch {
	case says("ACL not found"):
		return "Consul does not know this token: it was deleted, has expired, or is another datacenter's. Give one that exists: --consul-token-file is read again when it changes"
	case says("RPC rate limit exceeded"):
		return "raise limits.rpc_rate and limits.rpc_max_burst in that Consul agent's configuration; other connections would not help"
	case says("rate limit exceeded"):
		return "raise limits.request_limits in the configuration of Consul's servers; other connections would not help"
	case says("HTTP request to an HTTPS server"), says("HTTP request was sent to HTTPS port"):
		return "use https:// (--consul-ssl): that port speaks TLS"
	case s.Code == http.StatusUnauthorized, s.Code == http.StatusProxyAuthRequired:
		return "what stands in front of Consul wants a user: --consul-http-auth"
	case s.Code == http.StatusBadGateway, s.Code == http.StatusServiceUnavailable && (s.Body == "" || says("Unavailable") || says("upstream")):
		return "what stands in front of Consul answers in its place: check whether Consul runs behind it"
	case s.Code == http.StatusTooManyRequests && !says("too many concurrent connections"):
		return "what stands in front of Consul limits requests: raise that, or go to Consul's agent itself"
	}
	return ""
}
