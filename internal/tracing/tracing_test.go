package tracing

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"legate/internal/changes"
	"legate/internal/oteltest"
	"legate/metrics"
	"legate/xdsserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var begin = time.Now().Add(-time.Minute).Truncate(time.Millisecond)

func at(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }

// never is when something was published of which the last acknowledgement is waited for as long as a test takes.
var never = time.Now().Add(24 * time.Hour)

// stage is a Tracer that runs, and what it reads.
type stage struct {
	t         *testing.T
	collector *oteltest.Collector
	record    *changes.Record
	metrics   *metrics.Metrics
	log       *buffer
	stop      func()

	mu       sync.Mutex
	arrivals []xdsserver.Arrival
	looks    int // how often it was asked for them
}

func newStage(t *testing.T, protocol string) *stage {
	s := &stage{t: t, collector: oteltest.New(t), record: changes.New(), metrics: metrics.New(metrics.BuildInfo{}), log: &buffer{}}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", map[string]string{GRPC: s.collector.URL, HTTP: s.collector.HTTP}[protocol])
	tracer, err := New(t.Context(), Config{Protocol: protocol, Version: "1.2.3"}, Rooms{
		Changes: s.record, Datacenter: func() string { return "dc1" },
		Arrivals: func(all []xdsserver.Publication, _ int) [][]xdsserver.Arrival {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.looks++
			out := make([][]xdsserver.Arrival, len(all))
			for i := range out {
				out[i] = s.arrivals
			}
			return out
		},
	}, slog.New(slog.NewTextHandler(s.log, nil)), s.metrics.Traces)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- tracer.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

// have sets how far all changes have come.
func (s *stage) have(all ...xdsserver.Arrival) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrivals = all
}

// add records a change of web that was published, and returns its id.
func (s *stage) add(service string, published time.Time) changes.ID {
	s.record.Add(changes.Change{
		Kind: changes.Service, Services: []string{service}, Index: 42, Answered: at(0), Taken: at(2), Published: published, Served: published.Add(time.Millisecond),
		Lines: []changes.Line{{Op: changes.Plus, What: "service"}},
	})
	return s.record.Newest()
}

// looked waits until it has looked so often how far changes have come.
func (s *stage) looked(often int) {
	s.t.Helper()
	s.until(func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.looks >= often
	})
}

// spans waits until a change has a trace, and returns its spans in words.
func (s *stage) spans(id changes.ID) (all []string) {
	s.t.Helper()
	trace := TraceID(id).String()
	s.until(func() bool { return len(s.collector.Trace(trace)) > 0 })
	spans := s.collector.Trace(trace)
	for _, one := range spans {
		if one != spans[0] && string(one.GetParentSpanId()) != string(spans[0].GetSpanId()) {
			s.t.Errorf("%s is not below the change", one.GetName())
		}
		ms := func(ns uint64) int64 { return time.Unix(0, int64(ns)).Sub(begin).Milliseconds() }
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %d-%d %s", one.GetName(), ms(one.GetStartTimeUnixNano()), ms(one.GetEndTimeUnixNano()), oteltest.Attribute(one, "xds.node"))))
	}
	return all
}

func (s *stage) until(is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not within a minute; the log has\n%s", s.log)
		}
	}
}

// traces is how many were exported or dropped.
func (s *stage) traces(outcome string) (n int) {
	families, err := s.metrics.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "legate_traces_total" && m.GetLabel()[0].GetValue() == outcome {
				n = int(m.GetCounter().GetValue())
			}
		}
	}
	return n
}

func TestAChangeIsATraceFromConsulsAnswerToTheLastAcknowledgement(t *testing.T) {
	for _, protocol := range []string{GRPC, HTTP} {
		t.Run(protocol, func(t *testing.T) { aChangeIsATrace(t, newStage(t, protocol)) })
	}
}

func aChangeIsATrace(t *testing.T, s *stage) {
	t.Helper()
	s.have(
		xdsserver.Arrival{Asked: 3, FirstSent: at(6), FirstAck: at(8), FirstAckBy: "edge-1", LastAck: at(30), LastAckBy: "edge-2"},
		xdsserver.Arrival{Asked: 1, FirstSent: at(5), FirstAck: at(9), FirstAckBy: "edge-3", LastAck: at(40), LastAckBy: "edge\xff4"},
	)
	id := s.add("web", at(4))
	want := "change 0-40|decide 0-2|translate 2-4|publish 4-5|send first 4-5|acknowledge first 5-8 edge-1|acknowledge last 5-40 edge?4"
	if got := strings.Join(s.spans(id), "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	root := s.collector.Trace(TraceID(id).String())[0]
	for key, want := range map[string]string{
		"legate.change.id": id.String(), "legate.change.kind": "service", "consul.service": "web", "consul.index": "42", "consul.datacenter": "dc1",
		"xds.clients.asked": "4", "xds.clients.acknowledged": "4", "xds.clients.missing": "",
	} {
		if got := oteltest.Attribute(root, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if name, version := s.collector.Resource("service.name"), s.collector.Resource("service.version"); name != "legate" || version != "1.2.3" {
		t.Errorf("of %q %q", name, version)
	}
	s.until(func() bool { return s.traces("exported") == 1 })
}

func TestTheLastAcknowledgementIsWaitedForUntilItIsOvertaken(t *testing.T) {
	s := newStage(t, GRPC)
	missing := xdsserver.Arrival{Asked: 2, MissingCount: 1, FirstSent: at(5), FirstAck: at(8), FirstAckBy: "a", LastAck: at(8), LastAckBy: "a", Missing: []xdsserver.Awaited{{Node: "b"}}}
	s.have(missing)
	id := s.add("web", never)
	s.looked(3)
	if n := len(s.collector.Trace(TraceID(id).String())); n > 0 {
		t.Fatalf("%d spans before the last one has acknowledged it", n)
	}
	missing.Overtaken = at(9)
	s.have(missing)
	s.spans(id)
	root := s.collector.Trace(TraceID(id).String())[0]
	if got := root.GetStatus().GetMessage(); got != "1 of 2 had not acknowledged it" || oteltest.Attribute(root, "xds.nodes.missing") != "b" || oteltest.Attribute(root, "legate.change.overtaken") != "true" {
		t.Errorf("%v", root)
	}
}

func TestWhatIsUnderWayIsToldOfAtTheEnd(t *testing.T) {
	s := newStage(t, GRPC)
	s.have(xdsserver.Arrival{Asked: 1, MissingCount: 1, FirstSent: at(5)})
	id := s.add("web", never)
	s.looked(1)
	s.stop()
	if len(s.collector.Trace(TraceID(id).String())) == 0 && s.traces("dropped") == 0 { // a slow machine may take longer than it has
		t.Errorf("nothing of it; the log has\n%s", s.log)
	}
}

// Over HTTP the library tries again for as long as it may, exportTime; over gRPC the time of one request counts.
func TestACollectorThatHangsLosesTracesAndNothingElse(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "300") // milliseconds
	s := newStage(t, GRPC)
	s.collector.Hang(true)
	s.add("web", at(4))
	s.until(func() bool { return s.traces("dropped") == 1 })
	s.add("web", at(4))
	s.until(func() bool { return s.traces("dropped") == 2 })
	if n := strings.Count(s.log.String(), "traces are dropped"); n != 1 {
		t.Errorf("it was told %d times, want once:\n%s", n, s.log)
	}
	s.collector.Hang(false)
	s.until(func() bool { // a slow machine may lose one more
		s.add("web", at(4))
		return strings.Contains(s.log.String(), "taken again")
	})
}

func TestNoMoreWaitThanMay(t *testing.T) {
	s := newStage(t, GRPC)
	s.have(xdsserver.Arrival{Asked: 1, MissingCount: 1})
	for range maxOpen + 7 {
		s.add("web", never)
	}
	s.until(func() bool { return s.traces("dropped") == 7 })
}

func TestAProtocolThatThereIsNotIsNamed(t *testing.T) {
	_, err := New(t.Context(), Config{Protocol: "http/json"}, Rooms{}, slog.New(slog.DiscardHandler), nil)
	if want := `traces: protocol "http/json": want grpc or http/protobuf`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
