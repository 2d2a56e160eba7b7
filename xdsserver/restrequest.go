package xdsserver

import (
	"cmp"
	"encoding/json"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"legate/xdsserver/admission"
)

// jsonRequest is what is read of a DiscoveryRequest as JSON, which has each name in two ways
// (https://protobuf.dev/programming-guides/json). The rest may take many times in memory what it takes in the request
// (see prune.go), and is passed over.
type jsonRequest struct {
	Version  string          `json:"version_info"`
	Version2 string          `json:"versionInfo"`
	Type     string          `json:"type_url"`
	Type2    string          `json:"typeUrl"`
	Names    []string        `json:"resource_names"`
	Names2   []string        `json:"resourceNames"`
	Node     json.RawMessage `json:"node"`
}

type jsonNode struct {
	ID        string   `json:"id"`
	Cluster   string   `json:"cluster"`
	Agent     string   `json:"user_agent_name"`
	Agent2    string   `json:"userAgentName"`
	Features  []string `json:"client_features"`
	Features2 []string `json:"clientFeatures"`
	Locality  struct {
		Region string `json:"region"`
		Zone   string `json:"zone"`
	} `json:"locality"`
	Metadata struct {
		Source json.RawMessage `json:"legate_xds_cluster"` // sourceKey
	} `json:"metadata"`
}

// decodeJSON reads a request over REST.
func decodeJSON(body []byte, limits *admission.Limits) (*discoveryv3.DiscoveryRequest, error) {
	var r jsonRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "the request is no DiscoveryRequest as JSON: %v", err)
	}
	m := &discoveryv3.DiscoveryRequest{
		VersionInfo: cmp.Or(r.Version, r.Version2), TypeUrl: cmp.Or(r.Type, r.Type2), ResourceNames: append(r.Names, r.Names2...),
	}
	if len(r.Node) == 0 {
		return m, nil
	}
	if err := checkNodeBytes(len(r.Node), limits); err != nil {
		return nil, err
	}
	var n jsonNode
	if err := json.Unmarshal(r.Node, &n); err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "the request's node is no node as JSON: %v", err)
	}
	m.Node = &corev3.Node{
		Id: n.ID, Cluster: n.Cluster, UserAgentName: cmp.Or(n.Agent, n.Agent2), ClientFeatures: append(n.Features, n.Features2...),
	}
	if l := n.Locality; l.Region != "" || l.Zone != "" {
		m.Node.Locality = &corev3.Locality{Region: l.Region, Zone: l.Zone}
	}
	var source string
	if json.Unmarshal(n.Metadata.Source, &source) == nil && source != "" { // anything else names no cluster
		m.Node.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{sourceKey: structpb.NewStringValue(source)}}
	}
	return m, nil
}
