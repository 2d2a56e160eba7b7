package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	tlspb "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
)

// readers read what pages show of files, by page and kind.
var readers = map[string]func(t *testing.T, b pageBlock) error{
	"docs/check.md ":           inTheUnit,
	"docs/check.md yaml":       commandsOfCI,
	"docs/configure.md yaml":   configuration,
	"docs/dashboards.md yaml":  ofPrometheusOrGrafana,
	"docs/datacenters.md yaml": aPolicy,
	"docs/policy.md ":          explainedOrSecrets,
}

func aPolicy(t *testing.T, b pageBlock) error {
	_, err := loadPolicy(file(t, "policy.yaml", b.text))
	return err
}

// configuration checks that serve would start with the file.
func configuration(t *testing.T, b pageBlock) error {
	dir := machineOf(t)
	write(t, filepath.Join(dir, "etc/legate/legate.yaml"), below(dir, b.text))
	if got := legate(t, nil, "check", "config", "--config", filepath.Join(dir, "etc/legate/legate.yaml")); got.code != 0 {
		return errors.New(got.err)
	}
	return nil
}

// inTheUnit checks that the unit in examples/sidecar has these lines.
func inTheUnit(t *testing.T, b pageBlock) error {
	unit, err := os.ReadFile(checkout + "examples/sidecar/legate.service")
	if err == nil && !strings.Contains(string(unit), "\n"+b.text) {
		err = fmt.Errorf("the unit does not say so")
	}
	return err
}

// commandsOfCI are run like those of other blocks.
func commandsOfCI(t *testing.T, b pageBlock) error {
	var steps []struct{ Run string }
	if err := yaml.Unmarshal([]byte(b.text), &steps); err != nil || len(steps) == 0 {
		return fmt.Errorf("it has no steps: %w", err)
	}
	for _, s := range steps {
		callsOf(t, pageBlock{page: b.page, kind: "sh", line: b.line, text: s.Run})
	}
	return nil
}

// ofPrometheusOrGrafana checks that Prometheus is told what the file in examples/grafana has, which a real one reads in a
// test, and that Grafana looks where the page has the dashboards written.
func ofPrometheusOrGrafana(_ *testing.T, b pageBlock) error {
	example, err := os.ReadFile(checkout + "examples/grafana/prometheus.yml")
	if err != nil {
		return err
	}
	var is, has map[string]any
	if err := yaml.Unmarshal([]byte(b.text), &is); err != nil {
		return err
	}
	if err := yaml.Unmarshal(example, &has); err != nil {
		return err
	}
	if _, grafana := is["providers"]; grafana {
		page, err := os.ReadFile(checkout + b.page)
		if err == nil && strings.Count(b.text, "options: {path: /var/lib/grafana/dashboards/legate}\n")*strings.Count(string(page), "$ legate dashboards export /var/lib/grafana/dashboards/legate\n") != 1 {
			err = fmt.Errorf("the dashboards are not there")
		}
		return err
	}
	for key, value := range is {
		if !reflect.DeepEqual(value, has[key]) {
			return fmt.Errorf("%s is %v there, and %v in examples/grafana", key, value, has[key])
		}
	}
	return nil
}

// explainedOrSecrets checks that "legate policy explain" prints the table, and that Envoy's type of secrets has the
// fields of the file.
func explainedOrSecrets(t *testing.T, b pageBlock) error {
	if strings.HasPrefix(b.text, "FIELD ") {
		catalog := file(t, "catalog.json", `{"Format": "legate catalog 1", "Datacenter": "dc1", "Services": [{"Key": {"Datacenter": "dc1", "Name": "web"}, "Instances": [
  {"ID": "web-1", "Node": "n1", "Address": "10.0.0.7", "Port": 80, "Health": "passing", "Meta": {"legate-connect-timeout": "3s"}, "Weights": {"Passing": 1, "Warning": 1}}]}],
 "Entries": [{"Key": {"Kind": "service-defaults", "Name": "web"}, "Protocol": "grpc"}]}`)
		if got := legate(t, nil, "policy", "explain", "web", "--catalog", catalog); got.out != b.text {
			return fmt.Errorf("it prints\n%s%s", got.out, got.err)
		}
		return nil
	}
	var text any
	if err := yaml.Unmarshal([]byte(b.text), &text); err != nil {
		return err
	}
	asJSON, err := json.Marshal(text)
	if err != nil {
		return err
	}
	var secrets discoveryv3.DiscoveryResponse
	if err := protojson.Unmarshal(asJSON, &secrets); err != nil {
		return err
	}
	if len(secrets.GetResources()) != 1 || !secrets.GetResources()[0].MessageIs(new(tlspb.Secret)) {
		return fmt.Errorf("it has no secret")
	}
	return nil
}
