package guard

import "testing"

func TestWhichLossesAreSuspicious(t *testing.T) {
	for _, c := range []struct {
		name string
		l    loss
		want Reason
	}{
		{"a rolling deploy at its lowest", loss{of: 11, left: 9, allOf: 101, allAt: 99, services: 1}, calm},
		{"a scale-down by a third, of the only service there is", loss{of: 30, left: 20, allOf: 30, allAt: 20, services: 1}, calm},
		{"a canary goes", loss{of: 5, left: 4, allOf: 50, allAt: 49, services: 1}, calm},
		{"as many came as went", loss{of: 5, left: 5, allOf: 50, allAt: 50, services: 1}, calm},
		{"half", loss{of: 10, left: 5, allOf: 100, allAt: 95, services: 1}, calm},
		{"more than half", loss{of: 10, left: 4, allOf: 100, allAt: 94, services: 1}, Shrunk},
		{"more than half of a few", loss{of: 3, left: 1, allOf: 100, allAt: 98, services: 1}, calm},
		{"the last one", loss{of: 1, left: 0, allOf: 100, allAt: 99, services: 1}, Emptied},
		{"most of the only service there is", loss{of: 50, left: 5, allOf: 50, allAt: 5, services: 1}, Shrunk},
		{"one of many services that lose a few each", loss{of: 3, left: 2, allOf: 100, allAt: 84, services: 16}, CatalogShrunk},
		{"and not enough of them yet", loss{of: 3, left: 2, allOf: 100, allAt: 85, services: 15}, calm},
		{"two services of a small datacenter are deployed", loss{of: 3, left: 2, allOf: 20, allAt: 16, services: 2}, calm},
		{"most of the datacenter", loss{of: 3, left: 2, allOf: 100, allAt: 49, services: 51}, DatacenterLost},
		{"half of it", loss{of: 3, left: 2, allOf: 100, allAt: 50, services: 50}, CatalogShrunk},
		{"all of a handful, after Consul's index went back", loss{of: 1, left: 0, allOf: 2, allAt: 0, services: 1, wentBack: true}, DatacenterLost},
		{"half of a handful, after that", loss{of: 4, left: 2, allOf: 4, allAt: 2, services: 1, wentBack: true}, calm},
		{"all of a handful", loss{of: 1, left: 0, allOf: 9, allAt: 0, services: 5}, Emptied},
		{"most of the smallest datacenter that counts", loss{of: 1, left: 0, allOf: 10, allAt: 4, services: 3}, DatacenterLost},
		{"the same, by two services", loss{of: 3, left: 0, allOf: 10, allAt: 4, services: 2}, Emptied},
		{"most of the smallest service that counts", loss{of: 4, left: 1, allOf: 100, allAt: 97, services: 1}, Shrunk},
		{"much of the smallest catalog that counts", loss{of: 4, left: 3, allOf: 20, allAt: 16, services: 3}, CatalogShrunk},
		{"much of a smaller one", loss{of: 4, left: 3, allOf: 19, allAt: 15, services: 3}, calm},
		{"one that lost nothing, while most of the datacenter goes", loss{of: 4, left: 4, allOf: 100, allAt: 10, services: 30}, calm},
		{"one of many, by an odd answer", loss{of: 10, left: 9, allOf: 100, allAt: 99, services: 1, doubt: true}, Doubted},
		{"none, by an odd answer", loss{of: 10, left: 10, allOf: 100, allAt: 100, doubt: true}, calm},
	} {
		if got := DefaultConfig().suspect(c.l); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	all := loss{of: 100, left: 0, allOf: 100, allAt: 0, services: 9}
	most := loss{of: 100, left: 10, allOf: 100, allAt: 10, services: 9, doubt: true}
	for _, c := range []struct {
		name        string
		change      func(*Config)
		l           loss
		want, after Reason
	}{
		{"nothing is held, the last instance", func(g *Config) { g.Confirm, g.Empty, g.DatacenterHold = 0, 0, 0 }, all, calm, calm},
		{"nothing is held, most", func(g *Config) { g.Confirm, g.Empty, g.DatacenterHold = 0, 0, 0 }, most, calm, calm},
		{"a datacenter is held only until it is confirmed", func(g *Config) { g.DatacenterHold = 0 }, all, Emptied, Shrunk},
		{"only last instances are held", func(g *Config) { g.DatacenterHold, g.Confirm = 0, 0 }, all, Emptied, calm},
		{"last instances are held until that is confirmed", func(g *Config) { g.DatacenterHold, g.Empty = 0, 0 }, all, Emptied, Shrunk},
	} {
		g := DefaultConfig()
		c.change(&g)
		if got := g.suspect(c.l); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if got := g.suspect(most); got != c.after {
			t.Errorf("%s, most of a service: %q, want %q", c.name, got, c.after)
		}
	}
}
