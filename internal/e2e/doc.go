// Package e2e holds the end-to-end tests: a real Consul, Legate as its users run it, and real
// Envoys with real requests through them. It has no code of its own.
//
// Each test is a story about what somebody does in Consul, or to one of the programs, and what
// comes of it at Envoy's listeners. Nothing is mocked and nothing is asked of Legate's inside:
// what is true is what Envoy answers.
//
// The tests are skipped with -short. They wait for states, with a deadline, and never for time
// to pass; no test asserts how fast something is. For that there is
//
//	go test ./internal/e2e -run Latency -v -latency
package e2e
