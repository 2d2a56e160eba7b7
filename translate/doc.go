// Package translate turns catalog values into xDS resources.
//
// It is pure: no clock, no I/O, no logger, and no state but the [Resources] value.
// What a caller may rely on:
//
//   - A delta costs what its services cost, whatever else the catalog holds.
//   - Folding deltas gives the same Resources as translating the last catalog whole.
//   - Every resource that leaves passes protoc-gen-validate and our own rules, so that Envoy
//     does not reject it. What fails becomes a [Problem] and is left out alone.
//   - A cluster depends on as little as possible: instances that come and go never change it,
//     since Envoy would rebuild it, drop its connections and warm it again.
//   - Equal catalogs give equal bytes and equal versions, on every replica and after a restart.
package translate
