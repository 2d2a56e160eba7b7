package metrics

import (
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of label values that clients choose.
const (
	maxNodes   = 500         // distinct node labels
	nodeMemory = time.Hour   // how long a node without streams keeps its label
	maxNodeLen = 128         // bytes of a node label
	overflow   = "_overflow" // all that is beyond a bound
	anonymous  = "_none"     // a node that gave no id
)

// other is the label of what has none of its own.
const other = "other"

const typePrefix = "type.googleapis.com/"

// types are the short names of the type URLs that xDS v3 knows.
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

// typeLabel is the short name of a type URL: cds, eds, …, or other.
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

// oneOf is value if it is among the allowed ones, else "other".
func oneOf(value string, allowed ...string) string {
	for _, a := range allowed {
		if a == value {
			return value
		}
	}
	return other
}

// clean makes a label value of what a client sent: valid UTF-8, printable, of bounded length.
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

// cut shortens s to maxNodeLen bytes, not through the middle of a character.
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
// nodeMemory after, so that clients that come with ever new ids create few series in a scraper.
type nodes struct {
	mu   sync.Mutex
	now  func() time.Time
	used map[string]*nodeUse
}

type nodeUse struct {
	streams int
	left    time.Time // when the last stream closed
}

// enter returns the label of a node whose stream begins to be counted, to be given back with leave.
func (n *nodes) enter(id string) string {
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

// leave says that a stream of the node is no longer counted.
func (n *nodes) leave(label string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if u := n.used[label]; u != nil {
		u.streams--
		u.left = n.now()
	}
}

// forget drops the labels that nobody has used for nodeMemory.
func (n *nodes) forget() {
	limit := n.now().Add(-nodeMemory)
	for id, u := range n.used {
		if u.streams == 0 && u.left.Before(limit) {
			delete(n.used, id)
		}
	}
}
