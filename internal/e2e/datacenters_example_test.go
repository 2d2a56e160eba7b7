package e2e_test

import (
	"os/exec"
	"testing"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// The commands of examples/datacenters/README.md do what it says, in order.
func TestTheExampleOfDatacentersRunsAsItIsWritten(t *testing.T) {
	t.Parallel()
	all := partstest.Federation(t, parts.FederationOptions{Datacenters: []string{"dc1", "dc2"}})
	for _, program := range []string{"python3", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, program+", which the example's services and requests need")
		}
	}
	pairs := otherPorts(t, "8080", "8081", "9001", "9002", "9003", "9901", "18000", "18001")
	x := openExample(t, "datacenters", append(pairs, "127.0.0.1:8510", all.Consuls[1].Addr)...)
	x.env = append(x.env, "CONSUL_HTTP_ADDR="+all.Consuls[0].Addr,
		"LEGATE_XDS_LISTEN=127.0.0.1:"+x.replace.Replace("18000"),
		"LEGATE_ADMIN_LISTEN=127.0.0.1:"+x.replace.Replace("18001"),
		"LEGATE_BOOTSTRAP_XDS_ADDRESS=127.0.0.1:"+x.replace.Replace("18000"),
		"LEGATE_BOOTSTRAP_ENVOY_ADMIN=127.0.0.1:"+x.replace.Replace("9901"))
	x.run("consul agent -dev -node=dc1", "consul agent -dev -config-file=dc2.hcl") // the test has its own, on other ports
}
