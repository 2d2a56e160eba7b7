package filter

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// TestRealExpressionsMeanWhatTheyMeanToConsul has a real Consul filter random instances by random expressions: it
// finds the same instances, and refuses the same expressions, but for fields that Legate does not know.
// LEGATE_FILTERS says how many expressions there are.
func TestRealExpressionsMeanWhatTheyMeanToConsul(t *testing.T) {
	t.Parallel()
	expressions := 250
	if more := os.Getenv("LEGATE_FILTERS"); more != "" {
		var err error
		if expressions, err = strconv.Atoi(more); err != nil {
			t.Fatal(err)
		}
	}
	o := oracle{t, partstest.Consul(t, parts.ConsulOptions{})}
	w := writer{rand.New(rand.NewPCG(14, 4))}
	for n := range 24 {
		o.register(w, n)
	}
	s := o.read()
	some, refused := 0, 0
	for range expressions {
		text := w.expression(w.IntN(3))
		if w.IntN(10) == 0 {
			text = w.anything()
		}
		if strings.TrimSpace(text) == "" || nested(text) > 2 {
			continue // no filter, or one that takes long to read
		}
		want, bad := o.filtered(text)
		f, err := New(text)
		switch {
		case bad != "" && err == nil:
			t.Errorf("%s is read, and Consul says %s", text, bad)
		case bad != "":
			refused++
			continue
		case err != nil:
			t.Errorf("%s: %v; Consul knows what it means", text, err)
		}
		if t.Failed() {
			return
		}
		var got []catalog.InstanceKey
		for n := range s.Instances {
			if i := &s.Instances[n]; f.Matches(s.Key, i) {
				got = append(got, i.Key())
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s: %v\nConsul finds %v", text, got, want)
		}
		if len(got) > 0 && len(got) < len(s.Instances) {
			some++
		}
	}
	t.Logf("%d expressions, of which %d find a part of the instances, and %d are refused", expressions, some, refused)
	if some < expressions/8 || refused < expressions/8 {
		t.Error("this says little")
	}
}

type oracle struct {
	t *testing.T
	c *parts.Consul
}

func (o oracle) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o oracle) register(w writer, n int) {
	node := "n" + strconv.Itoa(n%6)
	service := &api.AgentService{ID: named(n), Service: "web", Tags: w.tags(), Meta: w.meta(), Port: []int{0, 80, 8080}[w.IntN(3)],
		Weights: api.AgentWeights{Passing: 1 + w.IntN(3), Warning: 1}}
	if w.IntN(3) > 0 {
		service.Address = addressed(w.IntN(3))
	}
	if w.IntN(6) == 0 {
		service.SocketPath, service.Port, service.Address = "/v1", 0, ""
	}
	if w.IntN(6) == 0 {
		service.Port, service.Ports = 0, api.ServicePorts{{Name: "http", Port: 80, Default: true}, {Name: "grpc", Port: 81}}
	}
	var checks api.HealthChecks
	for c := range w.IntN(3) {
		check := &api.HealthCheck{Node: node, CheckID: fmt.Sprintf("%s%d-%d", w.one("alive", "c"), c, n), Name: "a check", Status: w.one("passing", "warning", "critical")}
		if w.IntN(3) > 0 {
			check.ServiceID, check.ServiceName = service.ID, service.Service
		}
		checks = append(checks, check)
	}
	_, err := o.c.Client().Catalog().Register(&api.CatalogRegistration{Node: node, Address: addressed(n % 6), NodeMeta: rackOf(node), Service: service, Checks: checks}, nil)
	o.must(err)
}

// rackOf is a node's meta, which each registration on it repeats.
func rackOf(node string) map[string]string {
	return writer{rand.New(rand.NewPCG(uint64(len(node)), uint64(node[1])))}.meta()
}

// read is the service as Legate knows it.
func (o oracle) read() catalog.Service {
	cfg := consul.DefaultConfig()
	cfg.Address = o.c.Addr
	client, err := consul.New(cfg, slog.New(slog.DiscardHandler), nil)
	o.must(err)
	r, _, err := client.Health(o.t.Context(), catalog.ServiceKey{Datacenter: "dc1", Name: "web"}, consul.Question{})
	o.must(err)
	if len(r.Service.Instances) < 20 {
		o.t.Fatalf("there are %d instances", len(r.Service.Instances))
	}
	return r.Service
}

// filtered are the instances that Consul finds, sorted, or why it refuses the expression.
func (o oracle) filtered(expression string) (found []catalog.InstanceKey, bad string) {
	r, err := http.Get(o.c.URL() + "/v1/health/service/web?filter=" + url.QueryEscape(expression))
	o.must(err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	o.must(err)
	if r.StatusCode != http.StatusOK {
		if !strings.Contains(string(body), "filter") && !strings.Contains(string(body), "boolean expression") {
			o.t.Fatalf("%s: %d %s", expression, r.StatusCode, body)
		}
		return nil, string(body)
	}
	var all []struct {
		Node    struct{ Node string }
		Service struct{ ID string }
	}
	o.must(json.Unmarshal(body, &all))
	for _, one := range all {
		found = append(found, catalog.InstanceKey{Node: one.Node.Node, ID: one.Service.ID})
	}
	slices.SortFunc(found, func(a, b catalog.InstanceKey) int {
		return strings.Compare(a.Node+"/"+a.ID, b.Node+"/"+b.ID)
	})
	return found, ""
}
