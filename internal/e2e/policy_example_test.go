package e2e_test

import (
	"os/exec"
	"strings"
	"testing"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// The commands of examples/policy/README.md do what it says, in order.
func TestTheExampleOfAPolicyRunsAsItIsWritten(t *testing.T) {
	t.Parallel()
	consul := partstest.Consul(t, parts.ConsulOptions{})
	for _, program := range []string{"python3", "openssl", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, program+", which the example's services and requests need")
		}
	}
	pairs := otherPorts(t, "8080", "8081", "8082", "9001", "9002", "9003", "9004", "9901", "18000", "18001")
	x := openExample(t, "policy", append(pairs, "/tmp/legate-policy", t.TempDir())...)
	x.env = append(x.env, "CONSUL_HTTP_ADDR="+consul.Addr,
		"LEGATE_XDS_LISTEN=127.0.0.1:"+x.replace.Replace("18000"),
		"LEGATE_ADMIN_LISTEN=127.0.0.1:"+x.replace.Replace("18001"))
	x.run("consul agent -dev") // the test has its own, on other ports
}

// envoy.yaml is what Legate prints, with the README's change.
func TestTheEnvoyOfTheExampleOfAPolicyIsWhatItsREADMEShows(t *testing.T) {
	x := openExample(t, "policy")
	got := string(program.Output(t, "bootstrap", "envoy", "--node-id", "policy", "--route", "8080=web", "--route", "8081=control", "--route", "8082=payments"))
	for _, b := range x.blocks {
		if b.kind != diff {
			continue
		}
		from, to := sides(b.text)
		if n := strings.Count(got, from); n != 1 {
			t.Fatalf("%d places fit this hunk, want 1:\n%s\nin\n%s", n, b.text, got)
		}
		got = strings.Replace(got, from, to, 1)
	}
	if want := string(x.file("envoy.yaml")); got != want {
		t.Errorf("with the README's change it is\n%s\nwant envoy.yaml\n%s", got, want)
	}
}
