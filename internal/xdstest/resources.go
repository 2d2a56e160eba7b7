package xdstest

import (
	"fmt"
	"strconv"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"legate/translate"
)

// Cluster returns a cluster whose content is its name and a mark, so that a conversation can tell
// two versions of it apart.
func Cluster(name string, mark int) translate.Resource {
	return pack(translate.ClusterType, name, mark, &clusterv3.Cluster{Name: name, AltStatName: strconv.Itoa(mark)})
}

// Assignment returns an assignment with one locality, whose priority is the mark.
func Assignment(name string, mark int) translate.Resource {
	return pack(translate.AssignmentType, name, mark, &endpointv3.ClusterLoadAssignment{
		ClusterName: name,
		Endpoints:   []*endpointv3.LocalityLbEndpoints{{Priority: uint32(mark)}},
	})
}

// FatAssignment returns an assignment of that many bytes.
func FatAssignment(name string, mark, bytes int) translate.Resource {
	return pack(translate.AssignmentType, name, mark, &endpointv3.ClusterLoadAssignment{
		ClusterName: name,
		Endpoints: []*endpointv3.LocalityLbEndpoints{{
			Priority: uint32(mark), Locality: &corev3.Locality{Zone: strings.Repeat("x", bytes)},
		}},
	})
}

// Secret returns a secret whose content is the mark.
func Secret(name string, mark int) translate.Resource {
	return pack(translate.SecretType, name, mark, &tlsv3.Secret{Name: name, Type: &tlsv3.Secret_GenericSecret{GenericSecret: &tlsv3.GenericSecret{
		Secret: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: strconv.Itoa(mark)}}}}})
}

func pack(typeURL, name string, mark int, m proto.Message) translate.Resource {
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("marshal a literal: %v", err))
	}
	return translate.Resource{
		Name:    translate.Name{Type: typeURL, Name: name},
		Version: "v" + strconv.Itoa(mark), Value: value,
	}
}

// markOf returns the mark of a resource, or "empty" for an assignment without endpoints.
func markOf(a *anypb.Any) string {
	switch m := unpack(a).(type) {
	case *clusterv3.Cluster:
		return m.GetAltStatName()
	case *endpointv3.ClusterLoadAssignment:
		if len(m.GetEndpoints()) == 0 {
			return "empty"
		}
		return strconv.Itoa(int(m.GetEndpoints()[0].GetPriority()))
	case *tlsv3.Secret:
		return m.GetGenericSecret().GetSecret().GetInlineString()
	}
	return "?"
}

func nameOf(a *anypb.Any) string {
	switch m := unpack(a).(type) {
	case *clusterv3.Cluster:
		return m.GetName()
	case *endpointv3.ClusterLoadAssignment:
		return m.GetClusterName()
	case *tlsv3.Secret:
		return m.GetName()
	}
	return "?"
}

func unpack(a *anypb.Any) proto.Message {
	m, err := a.UnmarshalNew()
	if err != nil {
		return nil
	}
	return m
}

// FatCluster returns a cluster of that many bytes, to fill a connection.
func FatCluster(name string, mark, bytes int) translate.Resource {
	return pack(translate.ClusterType, name, mark, &clusterv3.Cluster{
		Name: name, AltStatName: strconv.Itoa(mark), LbSubsetConfig: &clusterv3.Cluster_LbSubsetConfig{
			SubsetSelectors: []*clusterv3.Cluster_LbSubsetConfig_LbSubsetSelector{{Keys: []string{strings.Repeat("x", bytes)}}},
		},
	})
}
