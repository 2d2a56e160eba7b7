package cli

import "testing"

// However low the system's limit is, Consul, people and clients all get connections.
func TestLimitsFitTheFilesThatMayBeOpen(t *testing.T) {
	for _, metrics := range []string{"", "0.0.0.0:18003"} {
		fallback := new(program)
		_, usual := fallback.serveCommand()
		usual.listen.metrics = metrics
		for _, allowed := range []uint64{256, 512, 1024, 4096, 5700, 10_000, 65_536, 1 << 40} {
			_, o := fallback.serveCommand()
			o.listen.metrics = metrics
			wanted := o.fitFiles(allowed)
			clients, people := o.xds.Limits, o.listen.people.Bounds
			need := ownFiles + o.consul.Consul.MaxConnections + clients.Connections + o.listen.forPeople()*people.Connections
			if uint64(need) > allowed {
				t.Errorf("%d files: %d are needed still", allowed, need)
			}
			if clients.Connections < leastClients || people.Connections < leastClients || clients.ConnectionsPerAddress > clients.Connections ||
				clients.RESTConnections > clients.Connections || people.PerAddress > people.Connections || people.PerAddress < 1 {
				t.Errorf("%d files: %+v %+v", allowed, clients, people)
			}
			if lowered := clients.Connections < usual.xds.Limits.Connections; lowered != (wanted > 0) || lowered != (allowed < 6000 && (metrics != "" || allowed < 5676)) {
				t.Errorf("%d files: wanted %d, %d clients", allowed, wanted, clients.Connections)
			}
		}
	}
}
