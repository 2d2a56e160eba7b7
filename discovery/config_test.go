package discovery

import (
	"strings"
	"testing"
)

func TestTheDefaultConfigIsValid(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func TestEachMistakeInAConfigIsNamed(t *testing.T) {
	for want, spoil := range map[string]func(*Config){
		`consul address "ftp://x": unknown scheme "ftp"`: func(c *Config) { c.Address = "ftp://x" },
		`consul address "": not an address`:              func(c *Config) { c.Address = "" },
		`consul address "unix://": no path`:              func(c *Config) { c.Address = "unix://" },
		`consul address "a b:1": it has white space`:     func(c *Config) { c.Address = "a b:1" },
		`"http://x/y?***": an address has no query`:      func(c *Config) { c.Address = "http://x/y?token=secret" },
		`"unix:///x#***": an address has no query`:       func(c *Config) { c.Address = "unix:///x#secret" },
		`consul token: it has more than one line`:        func(c *Config) { c.Token = "secret\nsecret" },
		`consul address ":8500": not an address`:         func(c *Config) { c.Address = ":8500" },
		`consul scheme "ftp": must be http or https`:     func(c *Config) { c.Scheme = "ftp" },
		`its key must both be given`:                     func(c *Config) { c.TLS.CertFile = "x" },
		`consul connections 4: at least 9 are needed`:    func(c *Config) { c.MaxConnections = 4 },
		`consul wait 11m0s: must be from 1s to 10m`:      func(c *Config) { c.Wait = 11 * 60e9 },
		`consul first reads 0`:                           func(c *Config) { c.FirstReads = 0 },
		`consul back-off 250ms to 0s`:                    func(c *Config) { c.BackoffMax = 0 },
		`consul sweep of 0 reads/s`:                      func(c *Config) { c.SweepRate = 0 },
		`service glob "": is empty`:                      func(c *Config) { c.Include = []string{""} },
		`service tag "": is empty`:                       func(c *Config) { c.Tags = []string{""} },
	} {
		c := DefaultConfig()
		spoil(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v, want it to say %s", err, want)
		}
		if _, err := New(c, nil, nil); err == nil {
			t.Errorf("New takes a config with %s", want)
		}
	}
}

func TestAddressesAsConsulsToolsWriteThem(t *testing.T) {
	for _, c := range []struct{ in, scheme, dial, out string }{
		{"127.0.0.1:8500", "", "127.0.0.1:8500", "http://127.0.0.1:8500"},
		{"127.0.0.1:8501", "https", "127.0.0.1:8501", "https://127.0.0.1:8501"},
		{"http://consul.example:8500", "", "consul.example:8500", "http://consul.example:8500"},
		{"http://consul.example:8500", "https", "consul.example:8500", "https://consul.example:8500"},
		{"https://consul.example", "http", "consul.example:443", "https://consul.example:443"},
		{"http://consul.example/behind/a/proxy/", "", "consul.example:80", "http://consul.example:80/behind/a/proxy"},
		{"http://[::1]:8500", "", "[::1]:8500", "http://[::1]:8500"},
		{"http://[::1]", "", "[::1]:80", "http://[::1]:80"},
		{"unix:///run/consul.sock", "https", "/run/consul.sock", "unix:///run/consul.sock"},
	} {
		a, err := parseAddress(c.in, c.scheme)
		if err != nil || a.dial != c.dial || a.String() != c.out {
			t.Errorf("%s with scheme %q: dials %s, reads %s, %v", c.in, c.scheme, a.dial, a, err)
		}
	}
}

func TestBlockingQueriesStayWhereTheyAre(t *testing.T) {
	has := map[string]bool{"c": true, "e": true}
	got := firstByName([]string{"a", "b", "c", "d", "e"}, func(n string) bool { return has[n] }, 3)
	if len(got) != 3 || !got["a"] || !got["c"] || !got["e"] {
		t.Errorf("chosen %v, want a, c and e", got)
	}
	got = firstByName([]string{"a", "b", "c", "d", "e"}, func(n string) bool { return has[n] }, 1)
	if len(got) != 1 || !got["c"] {
		t.Errorf("chosen %v, want c", got)
	}
}
