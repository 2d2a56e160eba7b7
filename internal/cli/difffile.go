package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"

	"legate/discovery/catalog"
	"legate/internal/compare"
	"legate/internal/lastknown"
	"legate/translate"
	"legate/translate/policy"
)

// maxServed is the size limit of a file to compare, in bytes: ten times what 100,000 instances take.
const maxServed = 1 << 30

// readServed reads a file of any of the kinds that "legate diff" compares. It may be a pipe. Catalogs are
// translated with these policies; what render printed is taken as it is.
func readServed(path string, p policy.Policies) (s served, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read %q: %w", path, reason(err))
		}
	}()
	in, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer in.Close()
	content, err := io.ReadAll(io.LimitReader(in, maxServed+1))
	switch {
	case err != nil:
		return s, err
	case len(content) > maxServed:
		return s, fmt.Errorf("it has more than %d MiB: compare fewer services (render --include)", maxServed>>20)
	}
	s.services = map[string]compare.Service{}
	first := bytes.TrimLeft(content, " \t\r\n")
	switch {
	case bytes.HasPrefix(content, []byte(lastknown.Magic)):
		err = s.readLastKnown(content, p)
	case bytes.HasPrefix(first, []byte("{")):
		err = s.readCatalog(content, p)
	case bytes.HasPrefix(first, []byte("[")):
		err = s.readJSON(content)
	default:
		err = s.readYAML(content)
	}
	return s, err
}

func (s *served) readCatalog(content []byte, p policy.Policies) error {
	datacenter, c, err := readCatalog(bytes.NewReader(content))
	if err != nil {
		return err
	}
	return s.translate(datacenter, c, p)
}

// readLastKnown reads the catalog that a Legate keeps in its state folder, and the addresses of host names
// beside it.
func (s *served) readLastKnown(content []byte, p policy.Policies) error {
	h, c, err := lastknown.Decode(content)
	if err != nil {
		return fmt.Errorf("it %w", err)
	}
	hosts := make(map[string]catalog.Host, len(h.Hosts))
	for name, addresses := range h.Hosts {
		hosts[name] = catalog.Host{Addresses: addresses}
	}
	for key, service := range c.Services {
		service.Hosts = hosts
		c.Services[key] = service
	}
	return s.translate(h.Scope.Datacenter, c, p)
}

func (s *served) translate(datacenter string, c catalog.Catalog, p policy.Policies) error {
	config := translate.DefaultConfig()
	config.Datacenter = datacenter
	if err := config.Validate(); err != nil {
		return err
	}
	r, _ := translate.New(config).Apply(catalog.Catalog{}.Diff(c))
	return s.take(r, p)
}

// readJSON reads what "legate render --format json" printed.
func (s *served) readJSON(content []byte) error {
	var all []json.RawMessage
	if err := json.Unmarshal(content, &all); err != nil {
		return fmt.Errorf("not an output of render: %w", err)
	}
	for _, one := range all {
		if err := s.resource(one); err != nil {
			return err
		}
	}
	return nil
}

// readYAML reads what "legate render" printed.
func (s *served) readYAML(content []byte) error {
	for d := yaml.NewDecoder(bytes.NewReader(content)); ; {
		var value any
		err := d.Decode(&value)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("neither a catalog nor an output of render: %w", err)
		}
		one, err := json.Marshal(value)
		if err == nil {
			err = s.resource(one)
		}
		if err != nil {
			return err
		}
	}
}

// resource adds a resource as render prints it.
func (s *served) resource(content []byte) error {
	var packed anypb.Any
	if err := protojson.Unmarshal(content, &packed); err != nil {
		return fmt.Errorf("neither a catalog nor an output of render: %w", err)
	}
	m, err := packed.UnmarshalNew()
	if err != nil {
		return err
	}
	name := ""
	switch m := m.(type) {
	case *clusterv3.Cluster:
		name = m.GetName()
	case *endpointv3.ClusterLoadAssignment:
		name = m.GetClusterName()
	}
	return s.add(name, func(one *compare.Service) error { return one.Add(m) })
}
