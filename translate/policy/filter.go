package policy

import (
	"fmt"

	"github.com/hashicorp/go-bexpr"

	"legate/discovery/catalog"
)

// filter is an expression of Consul's filter language over one instance, with the names that Consul has in
// answers of health/service: Service.Meta.version == v2 and Node.Datacenter == dc1.
// https://developer.hashicorp.com/consul/api-docs/health#filtering
type filter struct{ evaluator *bexpr.Evaluator }

// filtered is an instance as expressions see it.
type filtered struct {
	Node    filteredNode
	Service filteredService
	Checks  []filteredCheck
}

type filteredNode struct {
	Node, Address, Datacenter string
	Meta                      map[string]string
}

type filteredService struct {
	ID, Service, Address, Kind, SocketPath string
	Port                                   int
	Tags                                   []string
	Meta                                   map[string]string
	Weights                                catalog.Weights
}

type filteredCheck struct{ CheckID, Status string }

// newFilter reads an expression. One that names a field that there is not is an error.
func newFilter(expression string) (*filter, error) {
	e, err := bexpr.CreateEvaluator(expression)
	if err != nil {
		return nil, fmt.Errorf("%w: write an expression such as %s", err, `Service.Meta.version == "v2"`)
	}
	f := &filter{e}
	if _, err := e.Evaluate(ofInstance(catalog.Service{}, &catalog.Instance{})); err != nil {
		return nil, fmt.Errorf("%w: fields are those of Consul's health/service, such as Service.Meta.version, Service.Tags, Node.Meta.rack", err)
	}
	return f, nil
}

// matches reports whether the expression holds. One that cannot be evaluated does not.
func (f *filter) matches(s catalog.Service, i *catalog.Instance) bool {
	is, err := f.evaluator.Evaluate(ofInstance(s, i))
	return err == nil && is
}

func ofInstance(s catalog.Service, i *catalog.Instance) filtered {
	f := filtered{
		Node: filteredNode{Node: i.Node, Address: i.NodeAddress, Datacenter: s.Key.Datacenter, Meta: orEmpty(i.NodeMeta)},
		Service: filteredService{ID: i.ID, Service: s.Key.Name, Address: i.ServiceAddress, Kind: i.Kind, SocketPath: i.SocketPath,
			Port: i.Port, Tags: i.Tags, Meta: orEmpty(i.Meta), Weights: i.Weights},
		Checks: []filteredCheck{},
	}
	for _, c := range i.Checks {
		f.Checks = append(f.Checks, filteredCheck{c.ID, c.Status})
	}
	return f
}

// orEmpty is a map in which a missing key can be asked for.
func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
