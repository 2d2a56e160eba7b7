package register

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"legate/discovery/consul"
)

func at(s string) Listener { return Listener{At: netip.MustParseAddrPort(s)} }

func secure(l Listener, asks bool) Listener {
	l.TLS, l.Asks = true, asks
	return l
}

// facts are those of a Legate that stands beside its agent, with the default listeners.
func facts(change func(*Facts)) Facts {
	f := Facts{
		XDS: at("127.0.0.1:18000"), Admin: at("127.0.0.1:18001"), Here: true, From: netip.MustParseAddr("127.0.0.1"),
		Host: "host-1", Version: "v0.1.0", Datacenter: "dc1",
	}
	if change != nil {
		change(&f)
	}
	return f
}

func elsewhere(f *Facts) { f.Here, f.From = false, netip.MustParseAddr("10.0.0.7") }

// said is a registration in a line: where it is, and what checks it.
func said(r consul.Registration) string {
	out := fmt.Sprintf("%s:%d%s", r.Address, r.Port, r.Socket)
	for _, c := range r.Checks {
		out += " " + c.GRPC + c.HTTP
		if c.TLS {
			out += "(tls)"
		}
		if c.TTL > 0 {
			out += "ttl"
		}
	}
	return out
}

// Where Legate is registered, and what the agent can check, follows from where Legate listens and where the agent is.
func TestWhatIsRegisteredFollowsFromTheListenersAndTheAgent(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Facts)
		config func(*Config)
		want   string
	}{
		{"beside the agent", nil, nil, "127.0.0.1:18000 127.0.0.1:18000 http://127.0.0.1:18001/readyz"},
		{"on all addresses", func(f *Facts) { f.XDS = at("0.0.0.0:18000") }, nil, ":18000 127.0.0.1:18000 http://127.0.0.1:18001/readyz"},
		{"on all addresses of both families", func(f *Facts) { f.XDS = at("[::]:18000") }, nil, ":18000 127.0.0.1:18000 http://127.0.0.1:18001/readyz"},
		{"on one address", func(f *Facts) { f.XDS = at("10.0.0.7:18000") }, nil, "10.0.0.7:18000 10.0.0.7:18000 http://127.0.0.1:18001/readyz"},
		{"on one of IPv6", func(f *Facts) { f.XDS = at("[2001:db8::7]:18000") }, nil, "2001:db8::7:18000 [2001:db8::7]:18000 http://127.0.0.1:18001/readyz"},
		{"the agent's node has no DNS name", func(f *Facts) { f.XDS, f.Node, f.NodeAddress = at("0.0.0.0:18000"), "n_1", "10.0.0.9" }, nil, "10.0.0.9:18000 127.0.0.1:18000 http://127.0.0.1:18001/readyz"},
		{"it has one", func(f *Facts) { f.XDS, f.Node, f.NodeAddress = at("0.0.0.0:18000"), "n-1", "10.0.0.9" }, nil, ":18000 127.0.0.1:18000 http://127.0.0.1:18001/readyz"},
		{"a name that was given", func(f *Facts) { f.XDS = at("0.0.0.0:18000") }, func(c *Config) { c.Address = "legate.example.org" }, "legate.example.org:18000 127.0.0.1:18000 http://127.0.0.1:18001/readyz"},
		{"monitoring has a listener", func(f *Facts) { f.Metrics = at("0.0.0.0:18003") }, nil, "127.0.0.1:18000 127.0.0.1:18000 http://127.0.0.1:18003/readyz"},

		{"the agent is elsewhere", func(f *Facts) { elsewhere(f); f.XDS = at("0.0.0.0:18000") }, nil, "10.0.0.7:18000 10.0.0.7:18000"},
		{"elsewhere, monitoring is open", func(f *Facts) { elsewhere(f); f.XDS, f.Metrics = at("0.0.0.0:18000"), at("0.0.0.0:18003") }, nil, "10.0.0.7:18000 10.0.0.7:18000 http://10.0.0.7:18003/readyz"},
		{"elsewhere, with a name", func(f *Facts) { elsewhere(f); f.XDS = at("0.0.0.0:18000") }, func(c *Config) { c.Address = "a.example.org" }, "a.example.org:18000 a.example.org:18000"},

		{"TLS", func(f *Facts) { f.XDS, f.Admin = secure(f.XDS, false), secure(f.Admin, false) }, nil, "127.0.0.1:18000 127.0.0.1:18000(tls) https://127.0.0.1:18001/readyz(tls)"},
		{"client certificates: the agent has none", func(f *Facts) { f.XDS = secure(f.XDS, true) }, nil, "127.0.0.1:18000 http://127.0.0.1:18001/readyz"},
		{"client certificates everywhere", func(f *Facts) { f.XDS, f.Admin = secure(f.XDS, true), secure(f.Admin, true) }, nil, "127.0.0.1:18000 ttl"},
		{"the agent has one, somebody says", func(f *Facts) { f.XDS = secure(f.XDS, true) }, func(c *Config) { c.Checks = []string{GRPC} }, "127.0.0.1:18000 127.0.0.1:18000(tls)"},
		{"client certificates, and the agent is elsewhere", func(f *Facts) { elsewhere(f); f.XDS = secure(at("0.0.0.0:18000"), true) }, nil, "10.0.0.7:18000 ttl"},
		{"a unix socket", func(f *Facts) { f.XDS = Listener{Socket: "/run/legate/xds.sock"} }, nil, ":0/run/legate/xds.sock http://127.0.0.1:18001/readyz"},
		{"unix sockets only", func(f *Facts) { f.XDS, f.Admin = Listener{Socket: "/x"}, Listener{Socket: "/a"} }, nil, ":0/x ttl"},
		{"somebody wants a TTL", nil, func(c *Config) { c.Checks = []string{TTL} }, "127.0.0.1:18000 ttl"},
	} {
		config := DefaultConfig()
		if c.config != nil {
			c.config(&config)
		}
		r, err := config.plan(facts(c.change))
		if err != nil || said(r) != c.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", c.name, err, said(r), c.want)
		}
	}
}

func TestWhatNobodyCouldReachIsNotRegistered(t *testing.T) {
	for _, c := range []struct {
		change func(*Facts)
		checks []string
		want   string
	}{
		{elsewhere, nil, "only this machine reaches"},
		{func(f *Facts) { f.XDS = Listener{Socket: "/x"} }, []string{GRPC, TTL}, "no listener for a check of the kind grpc"},
		{func(f *Facts) { f.Admin = Listener{Socket: "/x"} }, []string{HTTP}, "no listener for a check of the kind http"},
	} {
		config := DefaultConfig()
		config.Checks = c.checks
		if _, err := config.plan(facts(c.change)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// The id is made of what stays the same when Legate starts again.
func TestARegistrationSaysWhatItIs(t *testing.T) {
	config := DefaultConfig()
	config.Tags, config.Meta = []string{"edge", "xds"}, map[string]string{"team": "proxies"}
	r, err := config.plan(facts(func(f *Facts) { f.Host = "höst 1.example" }))
	if err != nil {
		t.Fatal(err)
	}
	if r.Name != "legate" || r.ID != "legate-h-st-1.example-18000" || !slices.Equal(r.Tags, []string{"edge", "xds"}) {
		t.Errorf("%+v", r)
	}
	if want := map[string]string{"version": "v0.1.0", "datacenter": "dc1", "legate-protocol": "grpc", "team": "proxies"}; !maps.Equal(r.Meta, want) {
		t.Errorf("%v", r.Meta)
	}
	for _, c := range r.Checks {
		if c.RemoveAfter != config.RemoveAfter || !strings.HasPrefix(c.ID, "service:"+r.ID+":") {
			t.Errorf("%+v", c)
		}
	}
	socket, err := config.plan(facts(func(f *Facts) { f.XDS = Listener{Socket: "/run/x.sock"} }))
	if err != nil || socket.ID != "legate-host-1--run-x.sock" {
		t.Errorf("%v %+v", err, socket)
	}
	config.ID = "mine"
	if r, err := config.plan(facts(nil)); err != nil || r.ID != "mine" {
		t.Errorf("%v %+v", err, r)
	}
}

func TestAConfigThatConsulWouldRefuseIsRefused(t *testing.T) {
	many := map[string]string{}
	for i := range 70 {
		many[fmt.Sprint("k", i)] = "v"
	}
	for want, change := range map[string]func(*Config){
		"--register-name":    func(c *Config) { c.Name = "legate_1" },
		`--register-name ""`: func(c *Config) { c.Name = "" },
		"--register-id":      func(c *Config) { c.ID = "a/b" },
		"--register-address": func(c *Config) { c.Address = "10.0.0.1:80" },
		"--register-tag":     func(c *Config) { c.Tags = []string{"a b"} },
		"--register-meta a ": func(c *Config) { c.Meta = map[string]string{"a ": "b"} },
		"--register-meta b":  func(c *Config) { c.Meta = map[string]string{"b": strings.Repeat("x", 513)} },
		"70 pairs":           func(c *Config) { c.Meta = many },
	} {
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	good := DefaultConfig()
	good.Address, good.ID = "2001:db8::1", "a.b_c-1"
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}
