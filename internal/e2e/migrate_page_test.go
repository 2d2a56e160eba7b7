package e2e_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// The commands of docs/migrate.md do what it says, with an Envoy that finds a service by Consul's DNS, as its hunk begins,
// and then by Legate, as it ends. No request is lost on the way there and back.
func TestThePageOfMigrationLeadsFromDNSToLegateAndBack(t *testing.T) {
	t.Parallel()
	consul := partstest.Consul(t, parts.ConsulOptions{DNS: true})
	s := &stage{consul: consul, backends: make(map[string]*parts.Backend)}
	s.legate = startLegate(t, consul)
	listener := freePorts(t, 2)
	pairs := []string{"8080", strconv.Itoa(listener[0]), "9901", strconv.Itoa(listener[1]), "18000", portOf(s.legate.XDS), "8600", portOf(consul.DNSAddr)}
	for port, instance := range map[string]string{"9001": "shop-1", "9002": "shop-2", "9003": "billing-1"} {
		pairs = append(pairs, port, strconv.Itoa(s.backend(t, instance, "127.0.0.1:0").Port))
	}
	x := openExample(t, "migrate", pairs...)
	x.env = append(x.env, "CONSUL_HTTP_ADDR="+consul.Addr, "LEGATE_ADMIN_ADDR="+s.legate.Admin)
	must(t, x.once("consul services register shop-1.hcl shop-2.hcl", ""))

	x.blocks = blocks(x.original("migrate.md", filepath.Join("..", "..", "docs")))
	after, dns := string(x.file("after.yaml")), filepath.Join(x.dir, "dns.yaml")
	for _, b := range x.blocks {
		if b.kind == diff {
			from, to := sides(x.replace.Replace(b.text))
			if strings.Count(after, to) != 1 {
				t.Fatalf("after.yaml does not have\n%s\nbut\n%s", to, after)
			}
			must(t, os.WriteFile(dns, []byte(strings.Replace(after, to, from, 1)), 0o600))
		}
	}
	edge, client := newHotEnvoy(t), newClient(t)
	edge.start(t, dns)
	shop := func() (string, error) { return askAt(client, listener[0], "/") }
	eventually(t, func() error { return answered(shop, "shop-1") })
	flow := visitAt(t, "shop", shop)

	// Step 4 asks an Envoy that has changed.
	var last []string
	for _, b := range x.blocks {
		if b.kind == command && strings.HasPrefix(b.text, "legate verify") {
			last = append(last, strings.TrimSpace(b.text))
		}
	}
	x.run(last...)
	edge.start(t, filepath.Join(x.dir, "after.yaml"))
	eventually(t, func() error { return answered(shop, "shop-1", "shop-2") })
	flow.goesOn(t)
	if len(last) != 1 {
		t.Fatalf("the page compares at %d places", len(last))
	}
	eventually(t, func() error { return x.once(x.replace.Replace(last[0]), "") })

	edge.start(t, dns)
	eventually(t, func() error { return answered(shop, "shop-1") })
	flow.goesOn(t)
}
