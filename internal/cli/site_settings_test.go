package cli

import (
	"slices"
	"strings"
	"testing"

	"legate/discovery"
)

func TestSeveralSitesMayBeOneValue(t *testing.T) {
	for _, c := range []struct {
		given []string
		want  []string
	}{
		{[]string{"dc3,dc2"}, []string{"dc2", "dc3"}},
		{[]string{"dc2", " dc3 , dc2,"}, []string{"dc2", "dc3"}},
		{[]string{"all"}, []string{"all"}},
	} {
		var config discovery.Config
		for _, s := range siteSettings(&config)[:2] {
			if err := s.set(c.given); err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
		}
		if !slices.Equal(config.Datacenters, c.want) || !slices.Equal(config.Peers, c.want) {
			t.Errorf("%q: datacenters %q, peers %q", c.given, config.Datacenters, config.Peers)
		}
	}
}

func TestANameThatNoSiteCanHaveIsAMistake(t *testing.T) {
	for _, name := range []string{"dc 2", "dc/2", "dc?2", " ", "dc.2", "d\u00fc"} {
		c := discovery.DefaultConfig()
		c.Datacenters = []string{"dc2", name}
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "datacenter") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
