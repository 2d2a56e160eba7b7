package xdsserver

import (
	"strings"

	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// nodeMatcher reports whether a node with this id is one that a client asks for.
type nodeMatcher func(id string) bool

// maxMatchers bounds how many matchers a request has: each is tried for each node.
const maxMatchers = 100

// matcherOf returns what matches if one of the matchers does; without any, it matches all.
func matcherOf(all []*matcherv3.NodeMatcher) (nodeMatcher, error) {
	if len(all) > maxMatchers {
		return nil, status.Errorf(codes.InvalidArgument, "there are %d node_matchers, the most is %d: use prefix, suffix or contains, or ask several times", len(all), maxMatchers)
	}
	var one []nodeMatcher
	for i, m := range all {
		if len(m.GetNodeMetadatas()) > 0 {
			return nil, status.Errorf(codes.InvalidArgument, "node_matchers[%d].node_metadatas: Legate does not keep the metadata of nodes; match their node_id", i)
		}
		match, err := textMatcher(m.GetNodeId())
		if err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "node_matchers[%d].node_id: %v", i, status.Convert(err).Message())
		}
		one = append(one, match)
	}
	return func(id string) bool {
		for _, match := range one {
			if match(id) {
				return true
			}
		}
		return len(one) == 0
	}, nil
}

// textMatcher matches a text; everything, if there is no matcher.
func textMatcher(m *matcherv3.StringMatcher) (nodeMatcher, error) {
	if m == nil {
		return func(string) bool { return true }, nil
	}
	fold := func(text string) string { return text }
	if m.GetIgnoreCase() {
		fold = strings.ToLower
	}
	of := func(match func(text, pattern string) bool, pattern string) (nodeMatcher, error) {
		pattern = fold(pattern)
		return func(id string) bool { return match(fold(id), pattern) }, nil
	}
	switch p := m.GetMatchPattern().(type) {
	case *matcherv3.StringMatcher_Exact:
		return of(func(text, pattern string) bool { return text == pattern }, p.Exact)
	case *matcherv3.StringMatcher_Prefix:
		return of(strings.HasPrefix, p.Prefix)
	case *matcherv3.StringMatcher_Suffix:
		return of(strings.HasSuffix, p.Suffix)
	case *matcherv3.StringMatcher_Contains:
		return of(strings.Contains, p.Contains)
	}
	return nil, status.Error(codes.InvalidArgument, "Legate matches exact, prefix, suffix and contains, with or without ignore_case")
}
