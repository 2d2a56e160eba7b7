// Package promql checks examples/grafana with Prometheus' own code: each query of the dashboards and
// of the alert rules parses, the rule file is well formed, each alert fires when it should and is
// quiet otherwise, and internal/grafanatest knows every metric and label in use.
//
// It is a module of its own, because Prometheus is a heavy dependency that Legate does not need.
// Run it with: go -C tools/promql test -count=1 ./...
//
// The -count=1 is needed: go caches the result of a test, and does not notice changed files outside
// of the module.
//
// It imports nothing of Legate, so the dependencies of the two do not mix.
package promql
