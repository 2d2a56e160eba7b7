package parts

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// configure picks ports and writes the agent's configuration.
func (c *Consul) configure() error {
	ports, err := FreePorts(6)
	if err != nil {
		return err
	}
	var hcl strings.Builder
	set := func(format string, args ...any) { fmt.Fprintf(&hcl, format+"\n", args...) }

	c.Addr = Loopback(ports[0])
	https := -1
	if c.options.HTTPS {
		https = ports[1]
		c.HTTPSAddr = Loopback(https)
		if c.Certs, err = NewCerts(c.folder.Path); err != nil {
			return fmt.Errorf("make certificates: %w", err)
		}
		set("tls { https { ca_file = %q cert_file = %q key_file = %q } }", c.Certs.CAFile, c.Certs.CertFile, c.Certs.KeyFile)
	}
	dns := -1
	if c.options.DNS {
		dns = ports[5]
		c.DNSAddr = Loopback(dns)
	}
	set("ports { http = %d https = %d grpc = -1 grpc_tls = -1 dns = %d server = %d serf_lan = %d serf_wan = %d }",
		ports[0], https, dns, ports[2], ports[3], ports[4])

	c.serf = Loopback(ports[3])

	http := "127.0.0.1"
	if c.options.UnixSocket {
		c.Socket = filepath.Join(c.folder.Path, "http.sock")
		http += " unix://" + c.Socket
	}
	set("addresses { http = %q }", http)
	set("datacenter = %q", c.Datacenter)
	set("node_name = %q", c.Node)
	set("bind_addr = \"127.0.0.1\"\nclient_addr = \"127.0.0.1\"")
	set("disable_update_check = true")
	set("log_level = \"info\"")
	if n := c.options.MaxConnsPerClient; n != 0 {
		set("limits { http_max_conns_per_client = %d }", n)
	}
	if c.options.ACL {
		c.Token = orElse(c.options.Token, newUUID())
		set("acl { enabled = true default_policy = \"deny\" tokens { initial_management = %q agent = %q } }", c.Token, c.Token)
	}
	if c.options.Persistent {
		set("server = true\nbootstrap_expect = 1\ndata_dir = %q", c.data())
		set("performance { raft_multiplier = 1 }")
		set("leave_on_terminate = false")
	}
	if server := c.options.ClientOf; server != nil {
		set("server = false\ndata_dir = %q\nretry_join = [%q]", c.data(), server.serf)
	}
	config := map[string]string{"10-parts.hcl": hcl.String(), "20-options.hcl": c.options.HCL}
	if err := os.Mkdir(filepath.Join(c.folder.Path, "config"), 0o755); err != nil {
		return err
	}
	for name, text := range config {
		if err := os.WriteFile(filepath.Join(c.folder.Path, "config", name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	c.client, err = c.newClient()
	return err
}

// data is the data directory of a persistent Consul, or a client.
func (c *Consul) data() string { return filepath.Join(c.folder.Path, "data") }

// args returns the agent's arguments. Everything else is in its configuration folder.
func (c *Consul) args() []string {
	args := []string{"agent", "-config-dir", filepath.Join(c.folder.Path, "config")}
	if !c.options.Persistent && c.options.ClientOf == nil {
		args = append(args, "-dev")
	}
	return args
}

// newUUID returns a random UUID, version 4 (RFC 9562).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand crashes the program instead
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
