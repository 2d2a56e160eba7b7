package cli

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel"

	"legate/internal/tracing"
	"legate/metrics"
)

// aboutTraces is what "legate serve --help" says of traces.
const aboutTraces = `
With OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 in the environment each change
becomes a trace of OpenTelemetry, from Consul's answer to the last acknowledgement.
Protocol, headers, certificates, service name and sampler follow the standard OTEL_*
variables.`

// tracer returns what tells an OpenTelemetry collector of changes, nil if no collector is named. This is the one place
// where a library reads the environment itself: OpenTelemetry's variables are its own, the same for all programs, and
// what says whether and how they count is read here.
func (p *program) tracer(ctx context.Context, rooms tracing.Rooms, log *slog.Logger, version string, m *metrics.Traces) (*tracing.Tracer, error) {
	first := func(names ...string) (value string) {
		for _, name := range names {
			value = cmp.Or(value, p.getenv(name))
		}
		return value
	}
	to := first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	if to == "" || p.getenv("OTEL_SDK_DISABLED") == "true" || p.getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil, nil
	}
	if kind := p.getenv("OTEL_TRACES_EXPORTER"); kind != "" && kind != "otlp" {
		return nil, usageError{fmt.Errorf("OTEL_TRACES_EXPORTER=%s: Legate speaks otlp only, the default; or none", kind)}
	}
	protocol := cmp.Or(first("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"), tracing.HTTP)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Debug("opentelemetry", "error", err) }))
	t, err := tracing.New(ctx, tracing.Config{Protocol: protocol, Version: version}, rooms, log, m)
	if err != nil {
		return nil, usageError{fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL: %w", err)}
	}
	log.Info("changes are traced", "protocol", protocol)
	return t, nil
}
