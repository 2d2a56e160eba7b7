package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"legate/discovery"
	"legate/discovery/consul"
	"legate/internal/files"
)

// consulSettings choose the Consul and how it is watched. The environment variables are those of
// Consul's own tools.
// https://developer.hashicorp.com/consul/commands#environment-variables
func consulSettings(c *discovery.Config) []*setting {
	const category = "Consul"
	verify := !c.Consul.TLS.InsecureSkipVerify
	ssl := c.Consul.Scheme == "https"
	return []*setting{
		secretText(text(&c.Consul.Address, setting{
			name: "consul-addr", env: "CONSUL_HTTP_ADDR", key: "consul.addr", category: category, hint: "ADDR",
			usage: "Consul's HTTP API, best the agent on this machine: host:port, http://…, https://… or unix:///path. " +
				"HTTPS needs few connections for any number of services (HTTP/2); plain HTTP needs one for each.",
		}), func(v string) error {
			if strings.Contains(v, "@") {
				return errors.New("an address with user and password is not read: give them as --consul-http-auth USER:PASSWORD or $CONSUL_HTTP_AUTH")
			}
			return nil
		}),
		secretText(text(&c.Consul.Token, setting{
			name: "consul-token", env: "CONSUL_HTTP_TOKEN", key: "consul.token", category: category, hint: "TOKEN", opens: true,
			usage: "ACL token. It needs service:read and node:read for everything that is to be served. " +
				"Other users of this machine can see flags, so prefer the variable or --consul-token-file.",
		}), nil),
		private(readable(text(&c.Consul.TokenFile, setting{
			name: "consul-token-file", env: "CONSUL_HTTP_TOKEN_FILE", key: "consul.token_file", category: category, hint: "FILE",
			usage: "File with the ACL token. It takes precedence over the token itself, and is read again when it changes.",
		}))),
		then(boolean(&ssl, setting{
			name: "consul-ssl", env: "CONSUL_HTTP_SSL", key: "consul.ssl", category: category,
			usage: "Use HTTPS even if the address does not say so.",
		}), func() {
			if c.Consul.Scheme = "http"; ssl {
				c.Consul.Scheme = "https"
			}
		}),
		then(boolean(&verify, setting{
			name: "consul-ssl-verify", env: "CONSUL_HTTP_SSL_VERIFY", key: "consul.ssl_verify", category: category,
			usage: "Verify Consul's certificate. --consul-ssl-verify=false trusts any server: for tests only.",
		}), func() { c.Consul.TLS.InsecureSkipVerify = !verify }),
		readable(text(&c.Consul.TLS.CAFile, setting{
			name: "consul-ca-file", env: "CONSUL_CACERT", key: "consul.ca_file", category: category, hint: "FILE",
			usage: "Authorities, in PEM, for verifying Consul's certificate; read again when the file changes.",
		})),
		text(&c.Consul.TLS.CAPath, setting{
			name: "consul-ca-path", env: "CONSUL_CAPATH", key: "consul.ca_path", category: category, hint: "FOLDER",
			usage: "Folder of such files.",
		}),
		readable(text(&c.Consul.TLS.CertFile, setting{
			name: "consul-client-cert", env: "CONSUL_CLIENT_CERT", key: "consul.client_cert", category: category, hint: "FILE",
			usage: "Client certificate for Consul (verify_incoming), in PEM; read again when the file changes.",
		})),
		private(readable(text(&c.Consul.TLS.KeyFile, setting{
			name: "consul-client-key", env: "CONSUL_CLIENT_KEY", key: "consul.client_key", category: category, hint: "FILE",
			usage: "Key of that certificate, in PEM.",
		}))),
		text(&c.Consul.TLS.ServerName, setting{
			name: "consul-tls-server-name", env: "CONSUL_TLS_SERVER_NAME", key: "consul.tls_server_name", category: category, hint: "NAME",
			usage: "Name that Consul's certificate must have, such as server.dc1.consul, if it is not the host of the address.",
		}),
		httpAuth(&c.Consul.HTTPAuth, setting{
			name: "consul-http-auth", env: "CONSUL_HTTP_AUTH", key: "consul.http_auth", category: category, hint: "USER:PASSWORD", secret: true, opens: true,
			usage: "HTTP basic authentication, for a proxy in front of Consul.",
		}),
		text(&c.Consul.Namespace, setting{
			name: "consul-namespace", env: "CONSUL_NAMESPACE", key: "consul.namespace", category: category, hint: "NAME",
			usage: "Namespace (Consul Enterprise).",
		}),
		text(&c.Consul.Partition, setting{
			name: "consul-partition", env: "CONSUL_PARTITION", key: "consul.partition", category: category, hint: "NAME",
			usage: "Admin partition (Consul Enterprise).",
		}),
		shown(text(&c.Consul.Datacenter, setting{
			name: "datacenter", env: "LEGATE_DATACENTER", key: "consul.datacenter", category: category, hint: "NAME",
			usage: "Datacenter to serve. If empty, the agent is asked, which needs a token with agent:read.",
		}), "the agent's own"),
		boolean(&c.Watch.FilteredExpected, setting{
			name: "consul-filtered-expected", env: "LEGATE_CONSUL_FILTERED_EXPECTED", key: "consul.filtered_expected", category: category,
			usage: "The token is meant to see only a part of the catalog. Without this, answers that Consul has filtered are not believed, since a token that lost its rights looks the same.",
		}),
		boolean(&c.Watch.Entries, setting{
			name: "consul-config-entries", env: "LEGATE_CONSUL_CONFIG_ENTRIES", key: "consul.config_entries", category: category,
			usage: "Watch Consul's config entries proxy-defaults, service-defaults and service-resolver, which say how services are reached. " +
				"It takes three connections, and a token with service:read on every service that has such entries.",
		}),
		duration(&c.Consul.Wait, time.Second, 10*time.Minute, setting{
			name: "consul-wait", env: "LEGATE_CONSUL_WAIT", key: "consul.wait", category: category, hint: "SPAN",
			usage: "Maximum time that a blocking query waits for a change; Consul adds up to a sixteenth. " +
				"Lower it if a proxy in between ends such queries earlier: that costs more queries, and changes are seen as fast as before.",
		}),
		number(&c.Consul.MaxConnections, 1, 100_000, setting{
			name: "max-connections", env: "LEGATE_MAX_CONNECTIONS", key: "consul.max_connections", category: category, hint: "N",
			usage: "Maximum number of connections to Consul. An agent allows 200 per client address (limits.http_max_conns_per_client) " +
				"and then refuses every client there. Over plain HTTP, services beyond this number are seen within a second or two instead of milliseconds.",
		}),
	}
}

// serviceSettings select the services that are served.
func serviceSettings(c *discovery.Config) []*setting {
	const category = "Services"
	return []*setting{
		list(&c.Include, setting{
			name: "include", env: "LEGATE_INCLUDE", key: "services.include", category: category, hint: "GLOB",
			usage: "Serve only services whose name matches one of these patterns: * is any run of characters, ? any one. Default: all.",
		}),
		list(&c.Exclude, setting{
			name: "exclude", env: "LEGATE_EXCLUDE", key: "services.exclude", category: category, hint: "GLOB",
			usage: "Do not serve services whose name matches one of these patterns; takes precedence over --include.",
		}),
		list(&c.Tags, setting{
			name: "tag", env: "LEGATE_TAGS", key: "services.tags", category: category, hint: "TAG",
			usage: "Serve only instances that have this tag; if given more than once, all of the tags. A service without such an instance is not served. " +
				"An instance that loses the tag counts as removed: suspicious losses are held.",
		}),
	}
}

// secretText makes a setting secret and adds a check of its value.
func secretText(s *setting, check func(v string) error) *setting {
	s.secret = true
	if check != nil {
		set := s.set
		s.set = func(v []string) error {
			if err := check(last(v)); err != nil {
				return err
			}
			return set(v)
		}
	}
	return s
}

// then runs do after the setting's value is set.
func then(s *setting, do func()) *setting {
	set := s.set
	s.set = func(v []string) error {
		if err := set(v); err != nil {
			return err
		}
		do()
		return nil
	}
	return s
}

// readable makes a text setting the path of a readable file.
func readable(s *setting) *setting {
	set := s.set
	s.set = func(v []string) error {
		if path := last(v); path != "" {
			f, _, err := files.Open(path)
			if err != nil {
				return fmt.Errorf("%w: give the path of a file that this user can read", reason(err))
			}
			_ = f.Close() // it was opened only to check that it can be
		}
		return set(v)
	}
	return s
}

// shown sets the default that --help shows.
func shown(s *setting, fallback string) *setting {
	s.fallback = fallback
	return s
}

func httpAuth(to *consul.HTTPAuth, s setting) *setting {
	s.set = func(v []string) error {
		user, password, ok := strings.Cut(last(v), ":")
		if !ok || user == "" || strings.ContainsFunc(last(v), unicode.IsControl) {
			return errors.New("want USER:PASSWORD, on one line")
		}
		*to = consul.HTTPAuth{Username: user, Password: password}
		return nil
	}
	return &s
}
