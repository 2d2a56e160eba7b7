// Package tracing tells an OpenTelemetry collector of each change: a trace from Consul's answer until the last client
// acknowledged it.
//
// What it promises:
//
//   - It reads what is remembered of changes anyway, some time after they happened: nothing that serves clients calls it,
//     and nothing waits for the collector. Without a Tracer nothing runs at all.
//   - A change is a trace, and its id follows from the id of the change (see TraceID). It has a span for each step of the
//     way, and of all clients only the first one that acknowledged it and the last.
//   - What waits is bounded. If a collector is away, slow or refuses, traces are dropped and counted.
package tracing
