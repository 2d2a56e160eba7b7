// Package oteltest gives tests a fake of an OpenTelemetry collector: the real service of OTLP over gRPC and over HTTP, which
// keeps what it is sent, and can be told to hang.
package oteltest

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// Collector is the fake. It ends with the test.
type Collector struct {
	collector.UnimplementedTraceServiceServer
	// URL is what OTEL_EXPORTER_OTLP_ENDPOINT is set to with grpc as the protocol, and HTTP with http/protobuf, the default.
	URL, HTTP string

	mu    sync.Mutex
	hangs bool
	spans []*tracev1.Span
	of    []*common.KeyValue // the resource of the newest ones
}

// New starts one.
func New(t testing.TB) *Collector {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, s := &Collector{URL: "http://" + l.Addr().String()}, grpc.NewServer()
	collector.RegisterTraceServiceServer(s, c)
	served := make(chan struct{})
	go func() { _ = s.Serve(l); close(served) }()
	t.Cleanup(func() { s.Stop(); <-served })
	web := httptest.NewServer(c)
	t.Cleanup(web.Close)
	c.HTTP = web.URL
	return c
}

// ServeHTTP is the service over HTTP: https://opentelemetry.io/docs/specs/otlp/#otlphttp
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	request := &collector.ExportTraceServiceRequest{}
	if err == nil {
		err = proto.Unmarshal(body, request)
	}
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, fmt.Sprintf("%s %s of %s: %v", r.Method, r.URL.Path, r.Header.Get("Content-Type"), err), http.StatusBadRequest)
		return
	}
	answer, err := c.Export(r.Context(), request)
	if err != nil {
		return // it hung until the client left
	}
	encoded, err := proto.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(encoded) // the client may have left
}

// Hang has it answer no more, or again.
func (c *Collector) Hang(hangs bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hangs = hangs
}

// Export is the service.
func (c *Collector) Export(ctx context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	hangs := c.hangs
	c.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range r.GetResourceSpans() {
		c.of = of.GetResource().GetAttributes()
		for _, scope := range of.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// Trace returns the spans of a trace, the root first, then by their begin.
func (c *Collector) Trace(id string) []*tracev1.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*tracev1.Span
	for _, s := range c.spans {
		if hex.EncodeToString(s.GetTraceId()) == id {
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b *tracev1.Span) int {
		return cmp.Or(cmp.Compare(len(a.GetParentSpanId()), len(b.GetParentSpanId())), cmp.Compare(a.GetStartTimeUnixNano(), b.GetStartTimeUnixNano()))
	})
	return all
}

// Resource returns an attribute of what the newest spans are of.
func (c *Collector) Resource(key string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return value(c.of, key)
}

// Attribute returns an attribute of a span as text, empty if it has none.
func Attribute(s *tracev1.Span, key string) string { return value(s.GetAttributes(), key) }

func value(all []*common.KeyValue, key string) string {
	for _, a := range all {
		if a.GetKey() == key {
			return text(a.GetValue())
		}
	}
	return ""
}

func text(v *common.AnyValue) string {
	if list := v.GetArrayValue(); list != nil {
		var all []string
		for _, one := range list.GetValues() {
			all = append(all, text(one))
		}
		return strings.Join(all, ",")
	}
	if s, is := v.GetValue().(*common.AnyValue_StringValue); is {
		return s.StringValue
	}
	_, what, _ := strings.Cut(v.String(), ":")
	return what
}
