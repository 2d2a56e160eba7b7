package guard

import (
	"strings"
	"testing"
)

func TestEachMistakeInAConfigIsNamed(t *testing.T) {
	for _, c := range []struct {
		say    string // empty: it is none
		change func(*Config)
	}{
		{"", func(g *Config) { g.Confirm, g.Empty, g.DatacenterHold, g.Reread = 0, 0, 0, 0 }},
		{"guard's confirm -1ns: must not be below 0", func(g *Config) { g.Confirm = -1 }},
		{"guard's empty -1ns", func(g *Config) { g.Empty = -1 }},
		{"guard's datacenter hold -1ns", func(g *Config) { g.DatacenterHold = -1 }},
		{"guard's reread -1ns", func(g *Config) { g.Reread = -1 }},
		{"guard's window 0s: must be above 0", func(g *Config) { g.Window = 0 }},
		{"", func(g *Config) { g.Window = 1 }},
		{"", func(g *Config) { g.Shrink.From, g.Shrink.Percent = 1, 1 }},
		{"", func(g *Config) { g.Catalog.From, g.Catalog.Percent = 1, 100 }},
		{"guard's shrink of 0 instances and 50 %", func(g *Config) { g.Shrink.From = 0 }},
		{"guard's catalog of 20 instances and 0 %", func(g *Config) { g.Catalog.Percent = 0 }},
		{"guard's datacenter of 10 instances and 101 %", func(g *Config) { g.Datacenter.Percent = 101 }},
		{`guard's mass critical "perhaps": must be believe or serve-all`, func(g *Config) { g.MassCritical = "perhaps" }},
		{"", func(g *Config) { g.MassCritical = ServeAll }},
	} {
		g := DefaultConfig()
		c.change(&g)
		switch err := g.Validate(); {
		case c.say == "" && err != nil:
			t.Errorf("%+v: %v", g, err)
		case c.say != "" && (err == nil || !strings.HasPrefix(err.Error(), c.say)):
			t.Errorf("got %v, want it to say %s", err, c.say)
		}
	}
}
