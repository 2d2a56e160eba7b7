package translate

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
)

// deterministic gives equal messages equal bytes, in every process of the same build.
func deterministic() proto.MarshalOptions { return proto.MarshalOptions{Deterministic: true} }

// message is a protobuf message with the method that protoc-gen-validate gives it.
type message interface {
	proto.Message
	ValidateAll() error
}

// encode validates and marshals one resource. Its version also covers the strings in also.
func encode(n Name, m message, also ...string) (Resource, error) {
	if err := m.ValidateAll(); err != nil {
		return Resource{}, err
	}
	value, err := deterministic().Marshal(m)
	if err != nil {
		return Resource{}, err
	}
	return Resource{Name: n, Version: versionOf(value, also...), Value: value}, nil
}

// versionOf is 96 bits of SHA-256, in 16 characters that need no escaping in URLs, JSON or logs.
func versionOf(value []byte, also ...string) string {
	h := sha256.New()
	h.Write(value)
	for _, s := range also {
		h.Write([]byte(s))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}

// Decode unmarshals a resource into a message of its type.
func Decode(r Resource) (proto.Message, error) {
	var m proto.Message
	switch r.Type {
	case ClusterType:
		m = &clusterv3.Cluster{}
	case AssignmentType:
		m = &endpointv3.ClusterLoadAssignment{}
	case SecretType:
		m = &tlsv3.Secret{}
	default:
		return nil, fmt.Errorf("decode %q: unknown type %q", r.Name.Name, r.Type)
	}
	if err := proto.Unmarshal(r.Value, m); err != nil {
		return nil, fmt.Errorf("decode %q: %w", r.Name.Name, err)
	}
	return m, nil
}
