package xdsserver

import (
	"math/rand/v2"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/anypb"

	"legate/translate"
)

// resource is one resource, encoded once and shared by all streams. It is never changed, but for what places make of it.
type resource struct {
	id      uint64 // random
	version string
	// field is the resource as a field of a DeltaDiscoveryResponse. Its tail, from any on, is the
	// encoded google.protobuf.Any that a DiscoveryResponse holds.
	field []byte
	any   int
	// message is the same for callbacks and dumps; its bytes lie in field.
	message *discoveryv3.Resource
	near    *near // how it differs from place to place; nil: it does not
}

// The numbers of the fields that are written by hand (envoy/service/discovery/v3/discovery.proto).
const (
	requestNames         = 3 // of DiscoveryRequest
	responseVersion      = 1 // of DiscoveryResponse and DeltaDiscoveryResponse
	responseResources    = 2
	responseType         = 4
	responseNonce        = 5
	sotwControlPlane     = 6
	deltaRemoved         = 6
	deltaControlPlane    = 7
	resourceVersion      = 1 // of Resource
	resourceAny          = 2
	resourceName         = 3
	anyType              = 1 // of google.protobuf.Any
	anyValue             = 2
	controlPlaneIdentity = 1 // of ControlPlane
)

func sizeOfField(number protowire.Number, length int) int {
	return protowire.SizeTag(number) + protowire.SizeBytes(length)
}

func appendString(b []byte, number protowire.Number, s string) []byte {
	b = protowire.AppendTag(b, number, protowire.BytesType)
	return protowire.AppendString(b, s)
}

func appendLength(b []byte, number protowire.Number, length int) []byte {
	b = protowire.AppendTag(b, number, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(length))
}

func newResource(r translate.Resource) *resource {
	// Fields may stand in any order on the wire; the Any goes last so that both protocols share it.
	anySize := sizeOfField(anyType, len(r.Type)) + sizeOfField(anyValue, len(r.Value))
	size := sizeOfField(resourceVersion, len(r.Version)) +
		sizeOfField(resourceName, len(r.Name.Name)) +
		sizeOfField(resourceAny, anySize)

	b := make([]byte, 0, sizeOfField(responseResources, size))
	b = appendLength(b, responseResources, size)
	b = appendString(b, resourceVersion, r.Version)
	b = appendString(b, resourceName, r.Name.Name)
	b = appendLength(b, resourceAny, anySize)
	tail := len(b)
	b = appendString(b, anyType, r.Type)
	b = appendLength(b, anyValue, len(r.Value))
	value := len(b)
	b = append(b, r.Value...)

	made := &resource{
		id:      rand.Uint64(),
		version: r.Version,
		field:   b,
		any:     tail,
		message: &discoveryv3.Resource{
			Name:     r.Name.Name,
			Version:  r.Version,
			Resource: &anypb.Any{TypeUrl: r.Type, Value: b[value:len(b):len(b)]},
		},
	}
	if r.Near.By != translate.Anywhere {
		made.near = &near{Near: r.Near}
	}
	return made
}

// translated is the resource as it came in; for dumps.
func (r *resource) translated() translate.Resource {
	return translate.Resource{
		Name:    translate.Name{Type: r.message.GetResource().GetTypeUrl(), Name: r.message.GetName()},
		Version: r.version,
		Value:   r.message.GetResource().GetValue(),
		Near:    r.prefers(),
	}
}
