package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"legate/discovery/catalog"
	"legate/translate"
)

// datacenter is that of the fleet.
const datacenter = "dc1"

// fleet is a catalog that both processes can generate: so many services with so many instances
// each.
type fleet struct {
	Services  int
	Instances int
}

const namePrefix = "service-"

func nameOf(service int) string { return fmt.Sprintf("%s%05d", namePrefix, service) }

// indexOf returns the number of the service with that name, or -1 if it is not in the fleet.
func (f fleet) indexOf(name string) int {
	digits, ours := strings.CutPrefix(name, namePrefix)
	i, err := strconv.Atoi(digits)
	if !ours || err != nil || i < 0 || i >= f.Services {
		return -1
	}
	return i
}

// service returns one service as Consul has it. Its revision is the port of its first instance.
func (f fleet) service(i, revision int) catalog.Service {
	s := catalog.Service{
		Key:       catalog.ServiceKey{Datacenter: datacenter, Name: nameOf(i)},
		Instances: make([]catalog.Instance, f.Instances),
	}
	for j := range s.Instances {
		address := fmt.Sprintf("10.%d.%d.%d", i>>8, i&255, j+1)
		id := fmt.Sprintf("%s-%d", s.Key.Name, j)
		s.Instances[j] = catalog.Instance{
			ID: id, Node: fmt.Sprintf("node-%04d", (i*f.Instances+j)%2000),
			Address: address, ServiceAddress: address, NodeAddress: address, Port: 8080,
			Checks:  []catalog.Check{{ID: "serfHealth", Status: "passing", Node: true}, {ID: "service:" + id, Status: "passing"}},
			Weights: catalog.Weights{Passing: 1, Warning: 1},
			Tags:    []string{"primary", "v1"},
			Meta:    map[string]string{"version": "1.2.3", "team": "shop"},
		}
	}
	s.Instances[0].Port = 8080 + revision
	return s
}

func (f fleet) delta(services []int, revision int) catalog.Delta {
	d := catalog.Delta{Since: time.Now(), Set: make([]catalog.Service, len(services))}
	for n, i := range services {
		d.Set[n] = f.service(i, revision)
	}
	return d
}

func (f fleet) all() []int {
	all := make([]int, f.Services)
	for i := range all {
		all[i] = i
	}
	return all
}

// dataset is the translation of the fleet so far.
type dataset struct {
	fleet
	values    catalog.Catalog
	resources translate.Resources
}

func newCatalog(f fleet) *dataset {
	config := translate.DefaultConfig()
	config.Datacenter = datacenter
	return &dataset{fleet: f, values: catalog.New(), resources: translate.New(config)}
}

// change moves services to a revision and returns the step that a server must take.
func (c *dataset) change(services []int, revision int) (step, error) {
	d := c.delta(services, revision)
	for _, s := range d.Set {
		c.values.Services[s.Key] = s
	}
	next, problems := c.resources.Apply(d)
	if len(problems) > 0 {
		return step{}, fmt.Errorf("translate the fleet: %s: %s", problems[0].Service, problems[0].Detail)
	}
	batch := next.Diff(c.resources)
	c.resources = next
	return step{d, batch}, nil
}
