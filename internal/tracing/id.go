package tracing

import (
	"context"
	"crypto/rand"
	"crypto/sha256"

	"go.opentelemetry.io/otel/trace"

	"legate/internal/changes"
)

// TraceID returns the id of a change's trace. So who knows a change finds its trace, and no two starts share one.
func TraceID(id changes.ID) trace.TraceID {
	sum := sha256.Sum256([]byte("legate change " + id.String()))
	return trace.TraceID(sum[:16])
}

// idOf is the key of a context that has the id of a new trace.
type idOf struct{}

// ids gives spans their ids. It is a sdk/trace.IDGenerator.
type ids struct{}

func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id, _ := ctx.Value(idOf{}).(trace.TraceID)
	return id, ids{}.NewSpanID(ctx, id)
}

func (ids) NewSpanID(context.Context, trace.TraceID) (id trace.SpanID) {
	_, _ = rand.Read(id[:]) // it never fails
	return id
}
