package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"legate/internal/changes"
	"legate/metrics"
	"legate/xdsserver"
)

// Rooms are what is read.
type Rooms struct {
	Changes interface {
		After(changes.ID, changes.Query) changes.Page
		Wait(context.Context, changes.ID, changes.Query) changes.Page
	}
	// Arrivals says how far changes have come; see xdsserver.Server.
	Arrivals   func(all []xdsserver.Publication, most int) [][]xdsserver.Arrival
	Datacenter func() string
}

// Tracer tells the collector of changes. Run does.
type Tracer struct {
	rooms    Rooms
	log      *slog.Logger
	metrics  *metrics.Traces
	exporter sdktrace.SpanExporter
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	ended    *ended
	failing  bool // the collector took nothing when it was last told
}

// New makes a Tracer. It starts nothing, and does not connect.
func New(ctx context.Context, c Config, rooms Rooms, log *slog.Logger, m *metrics.Traces) (*Tracer, error) {
	exporter, err := c.exporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	of, err := c.resource(ctx)
	if err != nil {
		log.Warn("a part of what OpenTelemetry's variables say of this program is left out", "error", err, "remedy", "correct OTEL_RESOURCE_ATTRIBUTES: key=value, with commas between")
	}
	t := &Tracer{rooms: rooms, log: log, metrics: m, exporter: exporter, ended: &ended{}}
	t.provider = sdktrace.NewTracerProvider(sdktrace.WithIDGenerator(ids{}), sdktrace.WithResource(of), sdktrace.WithSpanProcessor(t.ended))
	t.tracer = t.provider.Tracer("legate")
	return t, nil
}

// How often it looks how far changes have come, how long they may take, how many wait at most, and how long it goes on
// when it is to end.
const (
	lookEvery = 250 * time.Millisecond
	patience  = 30 * time.Second
	maxOpen   = 1024
	lastWords = 2 * time.Second
)

// Run tells of changes until the context is done, and then of those that are under way. At the end it hangs up.
func (t *Tracer) Run(ctx context.Context) error {
	var open []changes.Change // whose last acknowledgement is waited for
	var after changes.ID
	for ctx.Err() == nil {
		var p changes.Page
		if len(open) == 0 {
			p = t.rooms.Changes.Wait(ctx, after, changes.Query{})
		} else {
			select {
			case <-time.After(lookEvery):
			case <-ctx.Done():
			}
			p = t.rooms.Changes.After(after, changes.Query{})
		}
		if p.Missed && len(p.Changes) > 0 { // the collector was too slow for them
			t.metrics.Dropped(int(p.Changes[0].ID.Number - after.Number - 1))
		}
		after = p.Next
		for _, c := range p.Changes {
			if !c.Published.IsZero() {
				open = append(open, c)
			}
		}
		if extra := len(open) - maxOpen; extra > 0 {
			t.metrics.Dropped(extra)
			open = open[extra:]
		}
		open = t.look(ctx, open, false)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	t.look(ctx, open, true)
	if err := t.exporter.Shutdown(ctx); err != nil {
		t.log.Debug("traces: the collector did not say goodbye", "error", err)
	}
	return nil
}

// look tells of those changes that have come as far as they will, or that are older than they may be, and at last of all.
// It returns the others.
func (t *Tracer) look(ctx context.Context, open []changes.Change, last bool) (still []changes.Change) {
	if len(open) == 0 {
		return nil
	}
	publications := make([]xdsserver.Publication, len(open))
	for i := range open {
		publications[i] = publicationOf(&open[i])
	}
	told := 0
	for i, arrivals := range t.rooms.Arrivals(publications, maxMissing) {
		w := wayOf(arrivals)
		if !last && w.underWay() && time.Since(open[i].Published) < patience {
			still = append(still, open[i])
			continue
		}
		told++
		t.tell(&open[i], w)
	}
	t.export(ctx, told)
	return still
}

// export hands spans to the collector: those of so many traces.
func (t *Tracer) export(ctx context.Context, traces int) {
	spans := t.ended.take()
	if len(spans) == 0 {
		return // none is sampled
	}
	ctx, cancel := context.WithTimeout(ctx, exportTime)
	defer cancel()
	err := t.exporter.ExportSpans(ctx, spans)
	if err == nil {
		t.metrics.Exported(traces)
		if t.failing {
			t.log.Info("traces are taken again by the collector")
		}
		t.failing = false
		return
	}
	t.metrics.Dropped(traces)
	if !t.failing {
		t.log.Warn("traces are dropped: the collector does not take them", "error", err, "remedy", "look at the collector that OTEL_EXPORTER_OTLP_ENDPOINT names, and whether it speaks OTEL_EXPORTER_OTLP_PROTOCOL there")
	}
	t.failing = true
}

// ended keeps the spans that have ended until they are exported. It is a sdk/trace.SpanProcessor, of one goroutine.
type ended struct{ spans []sdktrace.ReadOnlySpan }

func (e *ended) take() []sdktrace.ReadOnlySpan {
	spans := e.spans
	e.spans = nil
	return spans
}

func (e *ended) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (e *ended) OnEnd(s sdktrace.ReadOnlySpan)                   { e.spans = append(e.spans, s) }
func (e *ended) Shutdown(context.Context) error                  { return nil }
func (e *ended) ForceFlush(context.Context) error                { return nil }
