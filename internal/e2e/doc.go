// Package e2e has the end-to-end tests: a real Consul, Legate as its users run it, and real Envoys
// with real requests through them. It has no other code.
//
// Each test does something in Consul, or to one of the programs, and checks the result at Envoy's
// listeners. Nothing is mocked, and no internals of Legate are used: what counts is what Envoy
// answers.
//
// The tests are skipped with -short. They wait for states with a deadline, and for a fixed time only
// to see that nothing happens; no test asserts how fast something is. For that there is
//
//	go test ./internal/e2e -run Latency -v -latency
package e2e
