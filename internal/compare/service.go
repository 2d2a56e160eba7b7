package compare

import (
	"fmt"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/proto"

	"legate/translate"
)

// Service is what a client knows under one name. Each part may be nil.
type Service struct {
	Cluster    *clusterv3.Cluster
	Assignment *endpointv3.ClusterLoadAssignment
}

// Put adds a resource to the service, or takes it away if there is no value. It fails if the value is not
// of its type.
func (s *Service) Put(r translate.Resource) error {
	if r.Value == nil {
		switch r.Type {
		case translate.ClusterType:
			s.Cluster = nil
		case translate.AssignmentType:
			s.Assignment = nil
		}
		return nil
	}
	m, err := translate.Decode(r)
	if err != nil {
		return err
	}
	return s.Add(m)
}

// Add adds a message to the service: a cluster or an assignment.
func (s *Service) Add(m proto.Message) error {
	switch m := m.(type) {
	case *clusterv3.Cluster:
		s.Cluster = m
	case *endpointv3.ClusterLoadAssignment:
		s.Assignment = m
	default:
		return fmt.Errorf("%s is neither a cluster nor an assignment", m.ProtoReflect().Descriptor().FullName())
	}
	return nil
}

// endpoints are those of the assignment; a cluster that comes without one may have its own.
func (s Service) endpoints() *endpointv3.ClusterLoadAssignment {
	if s.Assignment != nil {
		return s.Assignment
	}
	return s.Cluster.GetLoadAssignment()
}

// settings are the cluster without what is compared in another way: its name and its endpoints.
func (s Service) settings() any {
	if s.Cluster == nil {
		return nil
	}
	c := proto.CloneOf(s.Cluster)
	c.Name, c.LoadAssignment = "", nil
	return tree(c)
}
