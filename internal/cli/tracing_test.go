package cli

import (
	"log/slog"
	"strings"
	"testing"

	"legate/internal/tracing"
)

func TestChangesAreTracedIfACollectorIsNamed(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1") // for OpenTelemetry's library; nothing connects
	for _, c := range []struct {
		env  string
		on   bool
		fail string
	}{
		{env: ""},
		{env: "OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_SERVICE_NAME=x"},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://a:1", on: true},
		{env: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://a:1 OTEL_EXPORTER_OTLP_PROTOCOL=grpc", on: true},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://a:1 OTEL_TRACES_EXPORTER=otlp", on: true},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://a:1 OTEL_TRACES_EXPORTER=none"},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://a:1 OTEL_SDK_DISABLED=true"},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://a:1 OTEL_TRACES_EXPORTER=zipkin", fail: "OTEL_TRACES_EXPORTER=zipkin: Legate speaks otlp only"},
		{env: "OTEL_EXPORTER_OTLP_ENDPOINT=http://a:1 OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json OTEL_EXPORTER_OTLP_PROTOCOL=grpc", fail: `"http/json": want grpc or http/protobuf`},
	} {
		p := &program{getenv: func(name string) (value string) {
			for _, word := range strings.Fields(c.env) {
				if n, v, _ := strings.Cut(word, "="); n == name {
					value = v
				}
			}
			return value
		}}
		tracer, err := p.tracer(t.Context(), tracing.Rooms{}, slog.New(slog.DiscardHandler), "1", nil)
		if failed := err != nil; (tracer != nil) != c.on || failed != (c.fail != "") || failed && !strings.Contains(err.Error(), c.fail) {
			t.Errorf("%s: %v, %v", c.env, tracer != nil, err)
		}
	}
}
