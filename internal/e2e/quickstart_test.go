package e2e_test

import (
	"os/exec"
	"strconv"
	"testing"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// The commands of examples/quickstart/README.md do what it says, in order.
func TestTheQuickstartRunsAsItIsWritten(t *testing.T) {
	t.Parallel()
	consul := partstest.Consul(t, parts.ConsulOptions{})
	if _, err := exec.LookPath("python3"); err != nil {
		missing(t, "python3, which the quickstart's services run on")
	}
	x := openExample(t, "quickstart", otherPorts(t, "8080", "9001", "9002", "9901", "18000", "18001")...)
	x.env = append(x.env, "CONSUL_HTTP_ADDR="+consul.Addr,
		"LEGATE_XDS_LISTEN=127.0.0.1:"+x.replace.Replace("18000"),
		"LEGATE_ADMIN_LISTEN=127.0.0.1:"+x.replace.Replace("18001"),
		"LEGATE_BOOTSTRAP_XDS_ADDRESS=127.0.0.1:"+x.replace.Replace("18000"),
		"LEGATE_BOOTSTRAP_ENVOY_ADMIN=127.0.0.1:"+x.replace.Replace("9901"))
	x.run("consul agent -dev") // the test has its own, on other ports
}

// otherPorts pairs each port with a free one.
func otherPorts(t testing.TB, ports ...string) (pairs []string) {
	t.Helper()
	for i, port := range freePorts(t, len(ports)) {
		pairs = append(pairs, ports[i], strconv.Itoa(port))
	}
	return pairs
}
