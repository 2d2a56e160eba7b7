package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Raw is a part of an envoy.config.cluster.v3.Cluster. It is never changed.
type Raw struct {
	JSON    string             // as the operator wrote it, with sorted keys
	Cluster *clusterv3.Cluster // read strictly
}

// owned are the fields of a cluster that are Legate's: what a cluster is called, and how endpoints are found.
var owned = []protoreflect.Name{"name", "type", "cluster_type", "eds_cluster_config", "load_assignment"}

func decodeRaw(n *yaml.Node) (*Raw, error) {
	if n.Kind != yaml.MappingNode {
		return nil, errors.New("must hold fields of envoy.config.cluster.v3.Cluster")
	}
	text, err := jsonOf(n)
	if err != nil {
		return nil, err
	}
	return ParseRaw(string(text))
}

// ParseRaw reads fields of a Cluster from JSON.
func ParseRaw(text string) (*Raw, error) {
	c := &clusterv3.Cluster{}
	if err := protojson.Unmarshal([]byte(text), c); err != nil {
		return nil, fmt.Errorf("%s: see envoy.config.cluster.v3.Cluster in Envoy's API reference", withoutPrefix(err))
	}
	var taken []string
	c.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if slices.Contains(owned, f.Name()) {
			taken = append(taken, string(f.Name()))
		}
		return true
	})
	if len(taken) > 0 {
		slices.Sort(taken)
		return nil, fmt.Errorf("%s is Legate's: remove it", strings.Join(taken, ", "))
	}
	return &Raw{JSON: text, Cluster: c}, nil
}

// withoutPrefix is the text of protojson's error. Its prefix varies its spaces between builds on purpose.
func withoutPrefix(err error) string {
	_, text, found := strings.Cut(strings.ReplaceAll(err.Error(), "\u00a0", " "), "proto:")
	if !found {
		return err.Error()
	}
	return strings.TrimSpace(text)
}
