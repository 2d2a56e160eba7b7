package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
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
	// Zero are the paths of fields that are said to be 0, false, the first word of several, or an empty list:
	// protobuf does not tell them from fields of which nothing is said.
	Zero [][]protoreflect.FieldDescriptor
}

// owned are the fields of a cluster that are Legate's: what a cluster is called, and how endpoints are found.
var owned = []protoreflect.Name{"name", "type", "cluster_type", "eds_cluster_config", "load_assignment"}

// raw reads fields of a Cluster. A mistake is named at the line of its field.
func (d *decoder) raw(n *yaml.Node, what string) *Raw {
	if n.Kind != yaml.MappingNode {
		d.fail(n, "%s must hold fields of envoy.config.cluster.v3.Cluster", what)
		return nil
	}
	raw, err := decodeRaw(n)
	if err == nil {
		return raw
	}
	before := len(d.errs)
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if _, err := decodeRaw(&yaml.Node{Kind: yaml.MappingNode, Content: n.Content[i : i+2]}); err != nil {
			name := ""
			if !strings.Contains(err.Error(), key.Value) {
				name = key.Value + ": "
			}
			d.fail(key, "%s: %s%s", what, name, err)
		}
	}
	if len(d.errs) == before { // each field is right, but not together with the others
		d.fail(n, "%s: %s", what, err)
	}
	return nil
}

func decodeRaw(n *yaml.Node) (*Raw, error) {
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
	var said map[string]any
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		return nil, err
	}
	return &Raw{JSON: text, Cluster: c, Zero: zeros(c.ProtoReflect(), said, nil)}, nil
}

// zeros are the paths of what is said and not there, below path. What is packed is not looked into.
func zeros(m protoreflect.Message, said map[string]any, path []protoreflect.FieldDescriptor) (all [][]protoreflect.FieldDescriptor) {
	for _, key := range slices.Sorted(maps.Keys(said)) {
		f := m.Descriptor().Fields().ByJSONName(key)
		if f == nil {
			f = m.Descriptor().Fields().ByTextName(key)
		}
		if f == nil || said[key] == nil {
			continue
		}
		at := append(slices.Clone(path), f)
		inner, is := said[key].(map[string]any)
		switch {
		case !m.Has(f) && !f.IsMap():
			all = append(all, at)
		case is && f.Message() != nil && !f.IsMap():
			all = append(all, zeros(m.Get(f).Message(), inner, at)...)
		}
	}
	return all
}

// position is where in the JSON a mistake is. Nobody has seen that JSON: it was made from the YAML.
var position = regexp.MustCompile(`^(syntax error )?\(line \d+:\d+\): `)

// withoutPrefix is the text of protojson's error. Its prefix varies its spaces between builds on purpose.
func withoutPrefix(err error) string {
	_, text, found := strings.Cut(strings.ReplaceAll(err.Error(), "\u00a0", " "), "proto:")
	if !found {
		return err.Error()
	}
	text = position.ReplaceAllString(strings.TrimSpace(text), "")
	return unresolved.ReplaceAllString(text, "$1 is none of the types of extensions that Legate knows")
}

// unresolved is protojson's word for a type that is not linked.
var unresolved = regexp.MustCompile(`unable to resolve ("[^"]*"): "not found"`)
