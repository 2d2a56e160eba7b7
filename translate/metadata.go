package translate

import (
	"cmp"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// lbMetadata is where Envoy looks for what subsets and routes match.
const lbMetadata = "envoy.lb"

// label is a part of an endpoint's metadata.
type label struct{ key, value string }

func (l label) compare(o label) int {
	return cmp.Or(cmp.Compare(l.key, o.key), cmp.Compare(l.value, o.value))
}

// labels are an endpoint's metadata, sorted and distinct. A key with several values has a list of them.
type labels []label

// labelsOf are those of the instance's data that the policy names. Of meta of the instance and of its node
// under one key, the instance's counts.
func labelsOf(i catalog.Instance, m policy.Metadata) (all labels) {
	for _, tag := range i.Tags {
		key, value, both := strings.Cut(tag, "=")
		if !both {
			value = "true"
		}
		if slices.Contains(m.Tags, key) {
			all = append(all, label{key, value})
		}
	}
	add := func(keys []string, from map[string]string) {
		for _, key := range keys {
			value, has := from[key]
			if has && !slices.ContainsFunc(all, func(l label) bool { return l.key == key }) {
				all = append(all, label{key, value})
			}
		}
	}
	add(m.Meta, i.Meta)
	add(m.NodeMeta, i.NodeMeta)
	for n := range all {
		all[n].value = strings.ToValidUTF8(all[n].value, "?")
	}
	slices.SortFunc(all, label.compare)
	return slices.Compact(all)
}

// message is the metadata as Envoy gets it; nil if there is none.
func (l labels) message() *corev3.Metadata {
	if len(l) == 0 {
		return nil
	}
	values := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for _, one := range l {
		value := structpb.NewStringValue(one.value)
		switch had := values.Fields[one.key]; {
		case had == nil:
			values.Fields[one.key] = value
		case had.GetListValue() == nil:
			values.Fields[one.key] = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{had, value}})
		default:
			had.GetListValue().Values = append(had.GetListValue().Values, value)
		}
	}
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{lbMetadata: values}}
}
