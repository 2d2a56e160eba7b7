package metrics

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits on label values that clients choose.
const (
	maxNodes   = 500         // distinct node labels
	nodeMemory = time.Hour   // how long a node without streams keeps its label
	maxNodeLen = 128         // bytes of a node label
	overflow   = "_overflow" // everything beyond a limit
	anonymous  = "_none"     // a node without an id
)

// other is the label of everything without a label of its own.
const other = "other"

const typePrefix = "type.googleapis.com/"

// types are the short names of the type URLs of xDS v3.
var types = map[string]string{
	"envoy.config.cluster.v3.Cluster":                          "cds",
	"envoy.config.endpoint.v3.ClusterLoadAssignment":           "eds",
	"envoy.config.endpoint.v3.LbEndpoint":                      "leds",
	"envoy.config.listener.v3.Listener":                        "lds",
	"envoy.config.route.v3.RouteConfiguration":                 "rds",
	"envoy.config.route.v3.ScopedRouteConfiguration":           "srds",
	"envoy.config.route.v3.VirtualHost":                        "vhds",
	"envoy.extensions.transport_sockets.tls.v3.Secret":         "sds",
	"envoy.service.runtime.v3.Runtime":                         "rtds",
	"envoy.config.core.v3.TypedExtensionConfig":                "ecds",
	"envoy.service.discovery.v3.Resource":                      "resource",
	"envoy.extensions.common.matching.v3.ExtensionWithMatcher": "matcher",
}

// typeOf and protocolOf are the labels of what has a type and a protocol.
var (
	typeOf     = label{name: "type", values: append(slices.Sorted(maps.Values(types)), other), later: true, bound: "of resources, as above"}
	protocolOf = of("protocol", protocols...)
)

// typeLabel returns the short name of a type URL: cds, eds, …, or other.
func typeLabel(typeURL string) string {
	if short, ok := types[strings.TrimPrefix(typeURL, typePrefix)]; ok {
		return short
	}
	return other
}

// codes are the names of gRPC's status codes (grpc/codes).
var codes = map[string]bool{
	"OK": true, "Canceled": true, "Unknown": true, "InvalidArgument": true, "DeadlineExceeded": true,
	"NotFound": true, "AlreadyExists": true, "PermissionDenied": true, "ResourceExhausted": true,
	"FailedPrecondition": true, "Aborted": true, "OutOfRange": true, "Unimplemented": true,
	"Internal": true, "Unavailable": true, "DataLoss": true, "Unauthenticated": true,
}

func codeLabel(code string) string {
	if codes[code] {
		return code
	}
	return other
}

func codeNames() []string { return append(slices.Sorted(maps.Keys(codes)), other) }

// orOther are the values that oneOf gives.
func orOther(values []string) []string { return append(slices.Clone(values), other) }

// oneOf returns value if it is allowed, and "other" otherwise.
func oneOf(value string, allowed ...string) string {
	for _, a := range allowed {
		if a == value {
			return value
		}
	}
	return other
}

// clean turns text from a client into a label value: valid UTF-8, printable, of bounded length.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '_'
		}
		return r
	}, cut(s))
	if s = cut(s); s == "" {
		return anonymous
	}
	return s
}

// cut shortens s to maxNodeLen bytes, between two characters.
func cut(s string) string {
	if len(s) <= maxNodeLen {
		return s
	}
	i := maxNodeLen
	for i > 0 && !utf8.RuneStart(s[i]) {
		i--
	}
	return s[:i]
}

// nodes hands out at most maxNodes node labels. A label is kept while a stream uses it and for
// nodeMemory after that, so that clients with ever new ids create few series.
type nodes struct {
	mu   sync.Mutex
	now  func() time.Time
	used map[string]*nodeUse
}

type nodeUse struct {
	streams  int
	released time.Time // when its last stream closed
}

// acquire returns the label of a node at the start of a stream. release gives it back.
func (n *nodes) acquire(id string) string {
	id = clean(id)
	n.mu.Lock()
	defer n.mu.Unlock()
	u := n.used[id]
	if u == nil {
		if len(n.used) >= maxNodes {
			n.forget()
		}
		if len(n.used) >= maxNodes {
			return overflow
		}
		u = &nodeUse{}
		n.used[id] = u
	}
	u.streams++
	return id
}

// release ends the use of a label by one stream.
func (n *nodes) release(label string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if u := n.used[label]; u != nil {
		u.streams--
		u.released = n.now()
	}
}

// forget drops labels that have been unused for nodeMemory.
func (n *nodes) forget() {
	limit := n.now().Add(-nodeMemory)
	for id, u := range n.used {
		if u.streams == 0 && u.released.Before(limit) {
			delete(n.used, id)
		}
	}
}
