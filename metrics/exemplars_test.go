package metrics

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// protobufAccept is what Prometheus asks for with native histograms (scrape protocol PrometheusProto).
const protobufAccept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

// scrapeProtobuf reads what a Prometheus with native histograms reads, with the library's own parser.
func scrapeProtobuf(t *testing.T, m *Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", protobufAccept)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	format := expfmt.ResponseFormat(w.Result().Header)
	if format.FormatType() != expfmt.TypeProtoDelim {
		t.Fatalf("answered as %s", format)
	}
	all := map[string]*dto.MetricFamily{}
	for d := expfmt.NewDecoder(w.Result().Body, format); ; {
		f := &dto.MetricFamily{}
		if err := d.Decode(f); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[f.GetName()] = f
	}
}

// lately is a moment at which the resources of tests were published.
func lately() int64 { return time.Now().Add(-time.Second).UnixNano() }

func TestEveryHistogramIsClassicAndNative(t *testing.T) {
	m := New(BuildInfo{})
	everything(m)
	histograms := 0
	for name, f := range scrapeProtobuf(t, m) {
		if f.GetType() != dto.MetricType_HISTOGRAM {
			continue
		}
		histograms++
		observed := false
		for _, is := range f.GetMetric() {
			h := is.GetHistogram()
			observed = observed || h.GetSampleCount() > 0
			if len(h.GetBucket()) == 0 || h.GetSchema() != 3 || h.GetZeroThreshold() == 0 {
				t.Errorf("%s: %d classic buckets, schema %d, zero threshold %v: both kinds are wanted", name, len(h.GetBucket()), h.GetSchema(), h.GetZeroThreshold())
			}
			if h.GetSampleCount() > 0 && len(h.GetPositiveSpan()) == 0 {
				t.Errorf("%s has observations and no native bucket", name)
			}
		}
		if !observed {
			t.Errorf("nothing was observed in %s", name)
		}
	}
	if histograms != 4 {
		t.Errorf("%d histograms: a new one has to be in everything()", histograms)
	}
}

// Whatever is observed, a histogram has a bounded number of buckets.
func TestANativeHistogramHasFewBucketsWhateverIsObserved(t *testing.T) {
	m := New(BuildInfo{})
	delays := m.XDS.Delays(eds)
	for took := time.Nanosecond; took < 200*365*24*time.Hour; took += took/20 + 1 {
		delays.Sent(took, Origin{})
	}
	for _, is := range scrapeProtobuf(t, m)["legate_propagation_seconds"].GetMetric() {
		if n := len(is.GetHistogram().GetPositiveDelta()); n > 160 {
			t.Errorf("%d buckets", n)
		}
	}
}

func TestTheNewestChangeOfEachBucketIsItsExemplar(t *testing.T) {
	m := New(BuildInfo{})
	ids := map[Origin]string{}
	at := lately()
	origin := func(name, id string) Origin {
		at++
		o := Origin{Name: name, Published: at}
		ids[o] = id
		return o
	}
	old, web, api, unknown := origin("web", "k3f9qx-1"), origin("web", "k3f9qx-2"), origin("api", "k3f9qx-3"), origin("web", "")
	delays := m.XDS.Delays(eds)
	delays.Sent(3*time.Millisecond, old)
	delays.Sent(4*time.Millisecond, web)
	delays.Sent(3500*time.Microsecond, web) // the first one of a change counts
	delays.Sent(3500*time.Microsecond, old) // from a client that is behind
	delays.Sent(200*time.Millisecond, api)  // in another bucket
	delays.Sent(2*time.Hour, api)           // above all buckets
	delays.Acknowledged(time.Second, web)   // on the bound of its bucket
	delays.Acknowledged(2*time.Second, unknown)
	delays.Acknowledged(2*time.Second, Origin{Name: "web"})
	want := "answer_to_ack 1 k3f9qx-2 1, answer_to_sent +Inf k3f9qx-3 7200, answer_to_sent 0.005 k3f9qx-2 0.004, answer_to_sent 0.25 k3f9qx-3 0.2"
	if got := exemplars(t, m); got != "" {
		t.Errorf("before anybody knows ids there is %s", got)
	}
	asked := 0
	m.XDS.ChangeIDs(func(o Origin) string { asked++; return ids[o] })
	if got := exemplars(t, m); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	first := asked
	if exemplars(t, m); asked != first+1 {
		t.Errorf("%d were asked for again, want the one without an id only", asked-first)
	}
	ids[unknown] = "k3f9qx-4" // it is recorded by now
	want = strings.Replace(want, "ack 1 k3f9qx-2 1,", "ack 1 k3f9qx-2 1, answer_to_ack 2.5 k3f9qx-4 2,", 1)
	if got := exemplars(t, m); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if page := scrape(t, m); strings.Contains(page, changeLabel) {
		t.Errorf("the text format has no exemplars:\n%s", only(page, changeLabel))
	}
	if want := `legate_propagation_seconds_bucket{stage="answer_to_ack",type="eds",le="1.0"} 1 # {change_id="k3f9qx-2"} 1.0 `; !strings.Contains(openMetrics(t, m), want) {
		t.Errorf("OpenMetrics lacks %s", want)
	}
}

func TestAChangeThatNobodyKnowsIsForgotten(t *testing.T) {
	m := New(BuildInfo{})
	asked := 0
	m.XDS.ChangeIDs(func(Origin) string { asked++; return "" })
	m.XDS.Delays(eds).Sent(time.Millisecond, Origin{"web", lately()})
	exemplars(t, m)
	m.XDS.propagation.now = func() time.Time { return time.Now().Add(2 * unnamedFor) }
	exemplars(t, m)
	if exemplars(t, m); asked != 2 {
		t.Errorf("asked %d times, want no more after %v", asked, unnamedFor)
	}
}

// An id that is too long for an exemplar takes nothing else away.
func TestAnIDThatIsNoExemplarIsLeftOut(t *testing.T) {
	m := New(BuildInfo{})
	m.XDS.ChangeIDs(func(Origin) string { return strings.Repeat("x", prometheus.ExemplarMaxRunes) })
	m.XDS.Delays(eds).Sent(time.Millisecond, Origin{"web", lately()})
	if got := exemplars(t, m); got != "" || scrapeProtobuf(t, m)["legate_propagation_seconds"].GetMetric()[1].GetHistogram().GetSampleCount() != 1 {
		t.Errorf("got %s", got)
	}
}

// exemplars are those of the propagation, in the order of their series: stage, bucket, id and value.
func exemplars(t *testing.T, m *Metrics) string {
	t.Helper()
	var all []string
	for _, is := range scrapeProtobuf(t, m)["legate_propagation_seconds"].GetMetric() {
		native, classic := is.GetHistogram().GetExemplars(), 0
		for _, b := range is.GetHistogram().GetBucket() {
			e := b.GetExemplar()
			if e == nil {
				continue
			}
			classic++
			if l := e.GetLabel(); len(l) != 1 || l[0].GetName() != changeLabel || utf8.RuneCountInString(l[0].GetName()+l[0].GetValue()) > prometheus.ExemplarMaxRunes || e.GetTimestamp() == nil {
				t.Errorf("%v", e)
			}
			all = append(all, fmt.Sprintf("%s %v %s %v", is.GetLabel()[0].GetValue(), b.GetUpperBound(), e.GetLabel()[0].GetValue(), e.GetValue()))
		}
		if len(native) != classic {
			t.Errorf("%d exemplars with the classic buckets, %d with the native ones", classic, len(native))
		}
	}
	return strings.Join(slices.Sorted(slices.Values(all)), ", ")
}

func openMetrics(t *testing.T, m *Metrics) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	return w.Body.String()
}

// BenchmarkSent compares what it costs to observe a change on a stream: without its origin, as 1,000 streams are sent
// one change, as each observation is of another change, and as the client library itself takes exemplars.
func BenchmarkSent(b *testing.B) {
	const streams = 1000
	for _, c := range []struct {
		name   string
		origin func(n int64) Origin
	}{
		{"without", func(int64) Origin { return Origin{} }},
		{"1000 streams", func(n int64) Origin { return Origin{"service-01234", 1 + n/streams} }},
		{"ever another", func(n int64) Origin { return Origin{"service-01234", 1 + n} }},
	} {
		b.Run(c.name, func(b *testing.B) {
			delays := New(BuildInfo{}).XDS.Delays(eds)
			b.ReportAllocs()
			for n := int64(0); b.Loop(); n++ {
				delays.Sent(3*time.Millisecond, c.origin(n))
			}
		})
	}
	b.Run("library", func(b *testing.B) {
		h := prometheus.NewHistogram(histogram("h", "", changeBuckets)).(prometheus.ExemplarObserver)
		labels := prometheus.Labels{changeLabel: "k3f9qx-12345"}
		b.ReportAllocs()
		for b.Loop() {
			h.ObserveWithExemplar(.003, labels)
		}
	})
}
