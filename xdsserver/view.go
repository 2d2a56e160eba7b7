package xdsserver

import (
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"legate/translate"
)

// View is what a node sees: the services of the datacenter it stands in, rendered for its kind.
type View struct {
	Datacenter string `json:"datacenter"`
	Kind       Kind   `json:"kind"`
	// Source is from where its clusters get their assignments.
	Source translate.Source `json:"source,omitzero"`
}

// String is kind@datacenter, and what differs from the usual view.
func (v View) String() string {
	usual := string(v.Kind) + "@" + v.Datacenter
	switch {
	case v.Source == (translate.Source{}):
		return usual
	case v.Source.Incremental:
		return usual + "/" + deltaProtocol + ":" + sane(v.Source.Cluster)
	}
	return usual + "/" + sotwProtocol + ":" + sane(v.Source.Cluster)
}

// Kind is the kind of client that resources are rendered for: Envoy and gRPC need conflicting ones.
type Kind string

// The kinds of clients.
const (
	Envoy Kind = "envoy"
	GRPC  Kind = "grpc"
)

// noOverprovisioning is the client feature that gRPC's xDS clients announce and Envoy does not
// (gRFC A27).
const noOverprovisioning = "envoy.lb.does_not_support_overprovisioning"

// kindOf tells gRPC's own xDS clients by their user agent ("gRPC Go", "gRPC C-core linux", ...)
// or by the client feature that gRFC A27 prescribes. Everything else counts as Envoy.
func kindOf(node *corev3.Node) Kind {
	if strings.HasPrefix(node.GetUserAgentName(), "gRPC ") ||
		slices.Contains(node.GetClientFeatures(), noOverprovisioning) {
		return GRPC
	}
	return Envoy
}
