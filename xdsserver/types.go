package xdsserver

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/service/endpoint/v3"
	secretv3 "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	"google.golang.org/grpc"

	"legate/translate"
)

// resourceType describes a type of resources: how the protocol treats it, and what Legate does with
// it. Nothing else in this package asks which type it has before it: to serve another type is to
// describe it here.
type resourceType struct {
	typeURL string
	// word is what the type is called in REST's paths (/v3/discovery:clusters) and by people.
	word string
	// service is the gRPC service for this type alone.
	service grpc.ServiceDesc
	// whole: over state of the world a response has to have all that the client wants, since what it
	// leaves out the client deletes (xDS protocol, "Grouping resources into responses").
	whole bool
	// wildcard: a client that has never given a name wants all resources (xDS protocol, "How the
	// client specifies what resources to return").
	wildcard bool
	// none makes what is served under a name that Consul does not have. Nil: nothing is.
	none func(name string) (translate.Resource, error)
	// mend says what ends that clients reject resources of the type. Empty: a change of the service.
	mend string
	// lacks says why no resource has a name that a client asks for.
	lacks string
	// brings is the type URL of what a client needs with each resource, under the same name. When a
	// resource is sent, that is sent again; a client that takes resources and never asks for that
	// cannot use them. Empty: a resource is of use by itself.
	brings string
	// outside makes the resource for a client outside of ADS, which has a source of its own for what
	// the resource brings. Nil: the type is not served to such clients in a view of their own.
	outside func(translate.Source, translate.Resource) (translate.Resource, error)
	// demand: a client that asks for a resource by its name shows that it uses the service of that name.
	demand bool
	// demandAll: one that asks for all shows that it uses all services. (Most Envoys ask for all clusters, whatever
	// they use.)
	demandAll bool
}

// resourceTypes are those that are served, in the order in which a change is sent: make before break. The
// list is never changed. Metrics have names for all types that there are, served or not.
var resourceTypes = []*resourceType{
	{
		typeURL:  translate.ClusterType,
		word:     "clusters",
		lacks:    noService,
		service:  clusterv3.ClusterDiscoveryService_ServiceDesc,
		whole:    true,
		wildcard: true,
		brings:   translate.AssignmentType, // Envoy waits for it again when the cluster changes
		outside:  translate.Source.Of,
		demand:   true,
	},
	{
		typeURL:   translate.AssignmentType,
		word:      "endpoints",
		lacks:     noService,
		service:   endpointv3.EndpointDiscoveryService_ServiceDesc,
		none:      translate.EmptyAssignment,
		demand:    true,
		demandAll: true,
	},
	{
		typeURL: translate.SecretType,
		word:    "secrets",
		mend: "Put the files there, on the Envoys' machines (Envoy takes them at once, if their folder is there), or correct the paths in the policy; " +
			"until then requests to the services that need them fail.",
		lacks:   "no cluster refers to such a secret; there are those only that the policy's files make (tls.ca, tls.cert_file)",
		service: secretv3.SecretDiscoveryService_ServiceDesc,
	},
}

const noService = "Consul has no service of this name, or it is left out"

// typeOf is the description of a type, nil for one that is not served.
func typeOf(typeURL string) *resourceType {
	for _, t := range resourceTypes {
		if t.typeURL == typeURL {
			return t
		}
	}
	return nil
}

// typeURLs are those of the types that are served.
func typeURLs() (all []string) {
	for _, t := range resourceTypes {
		all = append(all, t.typeURL)
	}
	return all
}

// Word is what people call a type that is served ("clusters"); empty for one that is not.
func Word(typeURL string) string {
	if t := typeOf(typeURL); t != nil {
		return t.word
	}
	return ""
}

// Mend says what ends that clients reject resources of a type; empty: a change of the service in Consul.
func Mend(typeURL string) string {
	if t := typeOf(typeURL); t != nil {
		return t.mend
	}
	return ""
}
