package discovery

import (
	"strings"
	"testing"
	"time"
)

func TestTheDefaultConfigIsValid(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func TestEachMistakeInAConfigIsNamed(t *testing.T) {
	for want, spoil := range map[string]func(*Config){
		`consul address "ftp://x": unknown scheme "ftp"`: func(c *Config) { c.Consul.Address = "ftp://x" },
		`consul address "": not an address`:              func(c *Config) { c.Consul.Address = "" },
		`consul address "unix://": no path`:              func(c *Config) { c.Consul.Address = "unix://" },
		`consul address "a b:1": it has white space`:     func(c *Config) { c.Consul.Address = "a b:1" },
		`"http://x/y?***": an address has no query`:      func(c *Config) { c.Consul.Address = "http://x/y?token=secret" },
		`"unix:///x#***": an address has no query`:       func(c *Config) { c.Consul.Address = "unix:///x#secret" },
		`consul token: it has more than one line`:        func(c *Config) { c.Consul.Token = "secret\nsecret" },
		`consul address ":8500": not an address`:         func(c *Config) { c.Consul.Address = ":8500" },
		`consul scheme "ftp": must be http or https`:     func(c *Config) { c.Consul.Scheme = "ftp" },
		`its key must both be given`:                     func(c *Config) { c.Consul.TLS.CertFile = "x" },
		`consul connections 4: at least 12 are needed`:   func(c *Config) { c.Consul.MaxConnections = 4 },
		`consul wait 11m0s: must be from 1s to 10m`:      func(c *Config) { c.Consul.Wait = 11 * 60e9 },
		`consul first reads 0`:                           func(c *Config) { c.Watch.FirstReads = 0 },
		`consul back-off 250ms to 0s`:                    func(c *Config) { c.Watch.BackoffMax = 0 },
		`consul sweep of 0 reads/s`:                      func(c *Config) { c.Watch.SweepRate = 0 },
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

func TestTheBoundsOfTheConfig(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*Config)
		good   bool
	}{
		"least connections":   {func(c *Config) { c.Consul.MaxConnections = c.Watch.MinConnections() }, true},
		"fewer":               {func(c *Config) { c.Consul.MaxConnections = c.Watch.MinConnections() - 1 }, false},
		"shortest wait":       {func(c *Config) { c.Consul.Wait = time.Second }, true},
		"shorter":             {func(c *Config) { c.Consul.Wait = time.Second - 1 }, false},
		"longest wait":        {func(c *Config) { c.Consul.Wait = 10 * time.Minute }, true},
		"longer":              {func(c *Config) { c.Consul.Wait = 10*time.Minute + 1 }, false},
		"one first read":      {func(c *Config) { c.Watch.FirstReads = 1 }, true},
		"one back-off":        {func(c *Config) { c.Watch.BackoffMin, c.Watch.BackoffMax = 1, 1 }, true},
		"no back-off":         {func(c *Config) { c.Watch.BackoffMin, c.Watch.BackoffMax = 0, 1 }, false},
		"back-off backwards":  {func(c *Config) { c.Watch.BackoffMin, c.Watch.BackoffMax = 2, 1 }, false},
		"no sweep":            {func(c *Config) { c.Watch.SweepPeriod = 0 }, false},
		"a sweep":             {func(c *Config) { c.Watch.SweepPeriod, c.Watch.SweepRate = 1, 1 }, true},
		"a key alone":         {func(c *Config) { c.Consul.TLS.KeyFile = "x" }, false},
		"a glob of spaces":    {func(c *Config) { c.Exclude = []string{" "} }, false},
		"a guard that is not": {func(c *Config) { c.Guard.Confirm = -1 }, false},
	} {
		cfg := DefaultConfig()
		c.change(&cfg)
		if err := cfg.Validate(); (err == nil) != c.good {
			t.Errorf("%s: %v", what, err)
		}
	}
	bad := DefaultConfig()
	bad.Consul.Wait, bad.Watch.FirstReads = 0, 0
	if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), "wait") || !strings.Contains(err.Error(), "first reads") {
		t.Errorf("not every mistake is named: %v", err)
	}
}

// Over plain HTTP each question that waits takes a connection. A site that gets none would hang without a word.
func TestTheNamedSitesNeedConnections(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*Config)
		more   int // connections, beside those of the own datacenter
		bad    string
	}{
		"enough": {func(c *Config) {
			c.Consul.Datacenter, c.Datacenters, c.Peers = "dc1", []string{"dc2", "dc3"}, []string{"east"}
		}, 12, ""},
		"too few": {func(c *Config) {
			c.Consul.Datacenter, c.Datacenters, c.Peers = "dc1", []string{"dc2", "dc3"}, []string{"east"}
		}, 11, "at least 24 are needed over plain HTTP, 12 for the own datacenter and 4 for each of 3 others: use HTTPS, or raise --max-connections"},
		"the own is not another": {func(c *Config) { c.Consul.Datacenter, c.Datacenters = "dc1", []string{"dc1", "dc2"} }, 4, ""},
		"one may be the own":     {func(c *Config) { c.Datacenters = []string{"dc1", "dc2"} }, 4, ""},
		"one at most is":         {func(c *Config) { c.Datacenters = []string{"dc1", "dc2"} }, 3, "4 for each of 1 others"},
		"all are not known":      {func(c *Config) { c.Datacenters, c.Peers = []string{All}, []string{All} }, 0, ""},
		"over HTTPS":             {func(c *Config) { c.Consul.Address, c.Datacenters = "https://x:8501", []string{"dc2"} }, 0, ""},
		"by the scheme":          {func(c *Config) { c.Consul.Scheme, c.Datacenters = "https", []string{"dc2"} }, 0, ""},
	} {
		cfg := DefaultConfig()
		c.change(&cfg)
		cfg.Consul.MaxConnections = cfg.Watch.MinConnections() + c.more
		if err := cfg.Validate(); c.bad == "" && err != nil || c.bad != "" && (err == nil || !strings.Contains(err.Error(), c.bad)) {
			t.Errorf("%s: %v, want %q", what, err, c.bad)
		}
	}
}
