package tracing

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// The protocols that OpenTelemetry has for traces, as far as its library for Go speaks them.
const (
	GRPC = "grpc"
	HTTP = "http/protobuf"
)

// Config says how the collector is spoken to. Where it is, with which headers and certificates, and which traces are
// sampled, is read from the environment by OpenTelemetry's library, in New.
type Config struct {
	Protocol string
	Version  string // of this program
}

// exportTime bounds how long the collector may take for some traces.
const exportTime = 10 * time.Second

// exporter sends spans to the collector. It connects when there are some.
func (c Config) exporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	switch c.Protocol {
	case GRPC:
		return otlptracegrpc.New(ctx)
	case HTTP:
		return otlptracehttp.New(ctx)
	}
	return nil, fmt.Errorf("protocol %q: want %s or %s", c.Protocol, GRPC, HTTP)
}

// resource is what the spans are of. The environment wins.
func (c Config) resource(ctx context.Context) (*resource.Resource, error) {
	return resource.New(ctx,
		resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(attribute.String("service.name", "legate"), attribute.String("service.version", c.Version)),
		resource.WithFromEnv())
}
