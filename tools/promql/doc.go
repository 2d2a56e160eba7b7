// Package promql checks examples/grafana with Prometheus' own code: that each query of the
// dashboard and of the alert rules parses, that the rule file is well formed, that each alert
// fires when it should and is quiet when it should, and that internal/grafanatest knows every
// metric and label that is asked for.
//
// It is a module of its own, because Prometheus is a heavy dependency that Legate does not need.
// Run it with: go -C tools/promql test -count=1 ./...
//
// The -count=1 matters: go caches the result of a test, and does not see that a file outside of
// the module has changed.
//
// It imports nothing of Legate, so its dependencies and Legate's do not meet.
package promql
