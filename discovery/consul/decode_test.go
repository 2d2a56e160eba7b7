package consul

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"legate/discovery/catalog"
	"legate/internal/consultest"
)

// one reads a health answer with one instance.
func one(t *testing.T, answer string) catalog.Instance {
	t.Helper()
	got := read(t, answer)
	if len(got.Service.Instances) != 1 {
		t.Fatalf("instances: %+v", got.Service.Instances)
	}
	return got.Service.Instances[0]
}

func read(t testing.TB, answer string) Reading {
	t.Helper()
	var entries []entry
	if err := json.Unmarshal([]byte(answer), &entries); err != nil {
		t.Fatal(err)
	}
	return readingOf(catalog.ServiceKey{Datacenter: "dc1", Name: "web"}, entries)
}

func TestAnInstanceCarriesWhatConsulSays(t *testing.T) {
	got := one(t, `[{
		"Node": {"Node": "n1", "Address": "10.0.0.9", "Meta": {"rack": "r7"}, "Locality": {"Region": "eu", "Zone": "eu-1"}},
		"Service": {"Kind": "", "ID": "web-1", "Service": "web", "Tags": ["v2", "edge"], "Meta": {"team": "a"}, "Address": "10.0.0.1",
			"TaggedAddresses": {"wan": {"Address": "[2001:db8::1]", "Port": 443}}, "Port": 80,
			"Weights": {"Passing": 7, "Warning": 3}, "CreateIndex": 11, "ModifyIndex": 12},
		"Checks": [
			{"CheckID": "http", "Status": "warning", "ServiceID": "web-1", "Output": "slow", "Definition": {"Interval": "nonsense"}},
			{"CheckID": "alive", "Status": "passing", "ServiceID": ""}]}]`)
	want := catalog.Instance{
		ID: "web-1", Node: "n1", Address: "10.0.0.1", ServiceAddress: "10.0.0.1", NodeAddress: "10.0.0.9",
		Tagged: map[string]catalog.TaggedAddress{"wan": {Address: "2001:db8::1", Port: 443}},
		Port:   80, Health: catalog.Warning,
		Checks:  []catalog.Check{{ID: "alive", Status: "passing", Node: true}, {ID: "http", Status: "warning"}},
		Weights: catalog.Weights{Passing: 7, Warning: 3}, Tags: []string{"edge", "v2"},
		Meta: map[string]string{"team": "a"}, NodeMeta: map[string]string{"rack": "r7"},
		Locality: catalog.Locality{Region: "eu", Zone: "eu-1"}, CreateIndex: 11, ModifyIndex: 12,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestConsulsQuirks(t *testing.T) {
	instance := func(service, checks string) string {
		return fmt.Sprintf(`[{"Node": {"Node": "n1", "Address": "10.0.0.9", "Locality": {"Region": "node", "Zone": "z"}},
			"Service": {"ID": "web-1", "Service": "web", "Port": 80 %s}, "Checks": [%s]}]`, service, checks)
	}
	for _, c := range []struct {
		name, service, checks string
		got                   func(catalog.Instance) any
		want                  any
	}{
		{"an empty address is the node's", ``, ``, func(i catalog.Instance) any { return i.Address }, "10.0.0.9"},
		{"an IPv6 address in brackets loses them", `, "Address": "[2001:db8::1]"`, ``, func(i catalog.Instance) any { return i.Address }, "2001:db8::1"},
		{"but stays as registered beside it", `, "Address": "[2001:db8::1]"`, ``, func(i catalog.Instance) any { return i.ServiceAddress }, "[2001:db8::1]"},
		{"a bare IPv6 address stays", `, "Address": "2001:db8::1"`, ``, func(i catalog.Instance) any { return i.Address }, "2001:db8::1"},
		{"brackets around anything else stay", `, "Address": "[web]"`, ``, func(i catalog.Instance) any { return i.Address }, "[web]"},
		{"a host name stays", `, "Address": "db.example.net"`, ``, func(i catalog.Instance) any { return i.Address }, "db.example.net"},
		{"a unix socket has no address", `, "SocketPath": "/run/web.sock"`, ``, func(i catalog.Instance) any { return i.SocketPath + "|" + i.Address }, "/run/web.sock|"},
		{"port 0 stays for others to judge", `, "Port": 0`, ``, func(i catalog.Instance) any { return i.Port }, 0},
		{"so does a port above 65535", `, "Port": 99999`, ``, func(i catalog.Instance) any { return i.Port }, 99999},
		{"of several ports the default one is taken", `, "Port": 0, "Ports": [{"Name": "a", "Port": 1}, {"Name": "b", "Port": 2, "Default": true}]`, ``, func(i catalog.Instance) any { return i.Port }, 2},
		{"no weights are 1 and 1", ``, ``, func(i catalog.Instance) any { return i.Weights }, catalog.Weights{Passing: 1, Warning: 1}},
		{"zero weights are 1 and 1", `, "Weights": {"Passing": 0, "Warning": 0}`, ``, func(i catalog.Instance) any { return i.Weights }, catalog.Weights{Passing: 1, Warning: 1}},
		{"negative weights are 1 and 1", `, "Weights": {"Passing": -5, "Warning": -3}`, ``, func(i catalog.Instance) any { return i.Weights }, catalog.Weights{Passing: 1, Warning: 1}},
		{"a negative warning weight takes both away, as Consul does", `, "Weights": {"Passing": 5, "Warning": -3}`, ``, func(i catalog.Instance) any { return i.Weights }, catalog.Weights{Passing: 1, Warning: 1}},
		{"so does one above 65535", `, "Weights": {"Passing": 65536, "Warning": 2}`, ``, func(i catalog.Instance) any { return i.Weights }, catalog.Weights{Passing: 1, Warning: 1}},
		{"or a warning weight above it", `, "Weights": {"Passing": 2, "Warning": 65536}`, ``, func(i catalog.Instance) any { return i.Weights }, catalog.Weights{Passing: 1, Warning: 1}},
		{"65535 is the most", `, "Weights": {"Passing": 65535, "Warning": 65535}`, ``, func(i catalog.Instance) any { return i.Weights }, catalog.Weights{Passing: 65535, Warning: 65535}},
		{"a warning weight of 0 is meant", `, "Weights": {"Passing": 5, "Warning": 0}`, ``, func(i catalog.Instance) any { return i.Weights }, catalog.Weights{Passing: 5, Warning: 0}},
		{"the service's locality wins", `, "Locality": {"Region": "service", "Zone": "y"}`, ``, func(i catalog.Instance) any { return i.Locality }, catalog.Locality{Region: "service", Zone: "y"}},
		{"without one it is the node's", ``, ``, func(i catalog.Instance) any { return i.Locality }, catalog.Locality{Region: "node", Zone: "z"}},
		{"an empty one is none", `, "Locality": {"Region": "", "Zone": ""}`, ``, func(i catalog.Instance) any { return i.Locality }, catalog.Locality{Region: "node", Zone: "z"}},
		{"no checks are passing", ``, ``, func(i catalog.Instance) any { return i.Health }, catalog.Passing},
		{"the worst check counts", ``, `{"CheckID": "a", "Status": "passing"}, {"CheckID": "b", "Status": "critical"}, {"CheckID": "c", "Status": "warning"}`, func(i catalog.Instance) any { return i.Health }, catalog.Critical},
		{"maintenance of the node", ``, `{"CheckID": "_node_maintenance", "Status": "critical"}, {"CheckID": "b", "Status": "critical"}`, func(i catalog.Instance) any { return i.Health }, catalog.Maintenance},
		{"maintenance of the service", ``, `{"CheckID": "_service_maintenance:web-1", "Status": "critical", "ServiceID": "web-1"}`, func(i catalog.Instance) any { return i.Health }, catalog.Maintenance},
		{"a status that Consul does not have", ``, `{"CheckID": "a", "Status": "purple"}`, func(i catalog.Instance) any { return i.Health }, catalog.Critical},
	} {
		if got := c.got(one(t, instance(c.service, c.checks))); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestInstancesAreOrderedByNodeAndID(t *testing.T) {
	at := func(node, id string) string {
		return fmt.Sprintf(`{"Node": {"Node": %q, "Address": "10.0.0.1"}, "Service": {"ID": %q, "Service": "web", "Port": 80}}`, node, id)
	}
	// The same id on two nodes are two instances, and two instances may share an address and port.
	got := read(t, "["+at("b", "web")+","+at("a", "web-2")+","+at("a", "web")+"]")
	var order []string
	for _, i := range got.Service.Instances {
		order = append(order, i.Node+"/"+i.ID)
	}
	if want := []string{"a/web", "a/web-2", "b/web"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
}

func TestProxiesAndGatewaysAreCountedApart(t *testing.T) {
	for _, kind := range []string{"connect-proxy", "mesh-gateway", "terminating-gateway", "ingress-gateway", "api-gateway", "something-new"} {
		got := read(t, `[{"Node": {"Node": "n"}, "Service": {"Kind": "`+kind+`", "ID": "p", "Service": "web"}}]`)
		if len(got.Service.Instances) != 0 || got.Others != 1 {
			t.Errorf("%s: %+v", kind, got)
		}
	}
}

// eight is an answer as Consul writes it, with eight instances and two checks each.
func eight() []byte {
	var list []map[string]any
	for n := range 8 {
		id := fmt.Sprintf("web-%d", n)
		check := func(id, service string) map[string]any {
			return map[string]any{"Node": "n", "CheckID": id, "Name": "a check", "Status": "passing", "Notes": "", "Output": "HTTP GET http://10.0.0.1/health: 200 OK",
				"ServiceID": service, "ServiceName": "web", "ServiceTags": []string{"v1"}, "Type": "http", "Interval": "10s", "Timeout": "1s",
				"ExposedPort": 0, "Definition": map[string]any{}, "CreateIndex": 100, "ModifyIndex": 101}
		}
		list = append(list, map[string]any{
			"Node": map[string]any{"ID": "40e4a748-2192-161a-0510-9bf59fe950b5", "Node": "n", "Address": "10.0.0.1", "Datacenter": "dc1",
				"TaggedAddresses": map[string]string{"lan": "10.0.0.1", "wan": "10.0.0.1"}, "Meta": map[string]string{"consul-version": "1.22.7"}, "CreateIndex": 12, "ModifyIndex": 14},
			"Service": map[string]any{"ID": id, "Service": "web", "Tags": []string{"v1", "edge"}, "Address": "10.0.1.1", "Port": 8000 + n,
				"TaggedAddresses": map[string]any{"lan_ipv4": map[string]any{"Address": "10.0.1.1", "Port": 8000 + n}}, "Meta": map[string]string{"team": "a"},
				"Weights": map[string]int{"Passing": 1, "Warning": 1}, "EnableTagOverride": false, "Proxy": map[string]any{"Mode": "", "MeshGateway": map[string]any{}, "Expose": map[string]any{}},
				"Connect": map[string]any{}, "PeerName": "", "CreateIndex": 100, "ModifyIndex": 100},
			"Checks": []any{check("serfHealth", ""), check("service:"+id, id)},
		})
	}
	return []byte(consultest.JSON(list))
}

// What one answer costs: decoding it, making values of it, comparing them with the last.
func BenchmarkAnswer(b *testing.B) {
	answer := eight()
	last := read(b, string(answer))
	b.Run("whole", func(b *testing.B) {
		b.SetBytes(int64(len(answer)))
		b.ReportAllocs()
		for b.Loop() {
			var entries []entry
			if err := json.Unmarshal(answer, &entries); err != nil {
				b.Fatal(err)
			}
			if !readingOf(last.Service.Key, entries).Equal(last) {
				b.Fatal("differs")
			}
		}
	})
	b.Run("compare", func(b *testing.B) {
		other := read(b, string(answer))
		b.ReportAllocs()
		for b.Loop() {
			if !other.Equal(last) {
				b.Fatal("differs")
			}
		}
	})
}

func TestAddressesAndPortsOfAnInstance(t *testing.T) {
	at := func(service string) catalog.Instance {
		return one(t, `[{"Node": {"Node": "n", "Address": "10.0.0.9", "TaggedAddresses": {"lan": "[2001:db8::9]", "wan": "203.0.113.9"}},
			"Service": {"ID": "web", "Service": "web", `+service+`}}]`)
	}
	if i := at(`"Port": 80`); !reflect.DeepEqual(i.Tagged, map[string]catalog.TaggedAddress{"lan": {Address: "2001:db8::9"}, "wan": {Address: "203.0.113.9"}}) {
		t.Errorf("an instance at its node's address is tagged as its node: %+v", i.Tagged)
	}
	if i := at(`"Port": 80, "TaggedAddresses": {"wan": {"Address": "198.51.100.1", "Port": 443}}`); i.Tagged["wan"] != (catalog.TaggedAddress{Address: "198.51.100.1", Port: 443}) || i.Tagged["lan"].Address != "2001:db8::9" {
		t.Errorf("its own tags win: %+v", i.Tagged)
	}
	if i := at(`"Address": "10.0.0.1", "Port": 80`); i.Tagged != nil {
		t.Errorf("the tags of a node whose address it does not use: %+v", i.Tagged)
	}
	i := at(`"Port": 0, "Ports": [{"Name": "rpc", "Port": 2}, {"Name": "http", "Port": 1}]`)
	if i.Port != 0 || !slices.Equal(i.Ports, []catalog.Port{{Name: "http", Port: 1}, {Name: "rpc", Port: 2}}) {
		t.Errorf("port %d of %+v, want none, for none is the default one", i.Port, i.Ports)
	}
	if i := at(`"Port": 7, "Ports": [{"Name": "rpc", "Port": 2, "Default": true}]`); i.Port != 7 {
		t.Errorf("port %d, want the one that is given", i.Port)
	}
	if i := at(`"Port": 80, "Tags": []`); i.Tags != nil {
		t.Errorf("no tags are %#v", i.Tags)
	}
	for in, want := range map[string]string{" 10.0.0.1\t": "10.0.0.1", "[10.0.0.1]": "[10.0.0.1]", "[::1": "[::1", "[::1]": "::1", "[]": "[]"} {
		if got := bareAddress(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}
