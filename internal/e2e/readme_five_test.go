package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// The five minutes of the README: each line of its block, but for the build. What stays in the foreground is served on.
func TestTheFiveMinutesOfTheREADMERunAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	consul := partstest.Consul(t, parts.ConsulOptions{})
	if _, err := exec.LookPath("curl"); err != nil {
		missing(t, "curl, which the README asks a service with")
	}
	s := &stage{consul: consul, backends: make(map[string]*parts.Backend)}
	s.register(t, "web", "web-1", 1)
	x := openExample(t, "quickstart", otherPorts(t, "8080", "9901", "18000", "18001")...)
	x.env = append(x.env, "CONSUL_HTTP_ADDR="+consul.Addr,
		"LEGATE_XDS_LISTEN=127.0.0.1:"+x.replace.Replace("18000"),
		"LEGATE_ADMIN_LISTEN=127.0.0.1:"+x.replace.Replace("18001"),
		"LEGATE_BOOTSTRAP_XDS_ADDRESS=127.0.0.1:"+x.replace.Replace("18000"),
		"LEGATE_BOOTSTRAP_ENVOY_ADMIN=127.0.0.1:"+x.replace.Replace("9901"))
	must(t, os.Symlink(program.Path(t), filepath.Join(x.dir, "legate")))
	must(t, os.Remove(filepath.Join(x.dir, "envoy.yaml"))) // the README makes its own
	_, section, _ := strings.Cut(x.original("README.md", filepath.Join("..", "..")), "\n## Five minutes\n")
	for _, b := range blocks(section)[:1] {
		for line := range strings.Lines(b.text) {
			line, _, _ := strings.Cut(line, "  #")
			line = strings.TrimSpace(line)
			switch {
			case line == "make build": // the program is there
			case line == "./legate serve" || strings.HasPrefix(line, "envoy "):
				x.keepRunning(x.replace.Replace(line))
			case strings.HasPrefix(line, "curl "):
				eventually(t, func() error {
					return x.once("test $(curl -sS "+x.replace.Replace(strings.TrimPrefix(line, "curl "))+") = web-1", "")
				})
				return
			default:
				must(t, x.once(x.replace.Replace(line), ""))
			}
		}
	}
	t.Error("the README asks nobody for an answer")
}
