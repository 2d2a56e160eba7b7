package metrics

import (
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

const (
	cds = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	eds = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
)

func TestPrometheusLinterFindsNothingToSay(t *testing.T) {
	m := New(BuildInfo{Version: "1.2.3", GoVersion: "go1.26"})
	everything(m)
	problems, err := testutil.GatherAndLint(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestEveryNameIsLegatesOrTheRuntimes(t *testing.T) {
	m := New(BuildInfo{})
	everything(m)
	families, err := m.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if n := f.GetName(); !strings.HasPrefix(n, "legate_") && !strings.HasPrefix(n, "go_") && !strings.HasPrefix(n, "process_") {
			t.Errorf("%s has a foreign prefix", n)
		}
		if f.GetHelp() == "" {
			t.Errorf("%s has no help", f.GetName())
		}
	}
}

func TestTheSeriesOfAStreamLeaveWhenItClosesAndTheTotalsStay(t *testing.T) {
	m := New(BuildInfo{})
	s := m.XDS.Opened("delta-7", "delta")
	request(s, "edge-1", eds, "subscribe")
	response(s, "edge-1", eds, 3, 512)
	request(s, "edge-1", eds, "ack")

	live := `legate_xds_stream_requests_total{node="edge-1",protocol="delta",stream="delta-7",type="eds"} 2`
	if page := scrape(t, m); !strings.Contains(page, live) {
		t.Fatalf("open stream: want %s in\n%s", live, only(page, "legate_xds_stream_"))
	}
	s.Closed(time.Minute, "OK")
	page := scrape(t, m)
	if strings.Contains(page, "delta-7") {
		t.Errorf("closed stream still has series:\n%s", only(page, "delta-7"))
	}
	for _, want := range []string{
		`legate_xds_requests_total{kind="ack",protocol="delta",type="eds"} 1`,
		`legate_xds_requests_total{kind="subscribe",protocol="delta",type="eds"} 1`,
		`legate_xds_responses_total{protocol="delta",type="eds"} 1`,
		`legate_xds_response_bytes_total{protocol="delta",type="eds"} 512`,
		`legate_xds_streams{protocol="delta"} 0`,
		`legate_xds_streams_opened_total{protocol="delta"} 1`,
		`legate_xds_streams_closed_total{code="OK",protocol="delta"} 1`,
	} {
		if !strings.Contains(page, want+"\n") {
			t.Errorf("want %s in\n%s", want, only(page, "legate_xds_"))
		}
	}
}

func TestStreamsBeyondTheLimitShareSeriesAndNothingIsLost(t *testing.T) {
	m := New(BuildInfo{})
	for i := range maxStreams + 50 {
		s := m.XDS.Opened(fmt.Sprintf("sotw-%d", i), "sotw")
		request(s, fmt.Sprintf("node-%d", i), cds, "subscribe")
	}
	page := scrape(t, m)
	if n := strings.Count(page, "\nlegate_xds_stream_requests_total{"); n != maxStreams+1 {
		t.Errorf("%d series of streams, want %d and one for the rest", n, maxStreams)
	}
	for _, want := range []string{
		`legate_xds_stream_requests_total{node="_overflow",protocol="sotw",stream="_overflow",type="cds"} 50`,
		`legate_xds_requests_total{kind="subscribe",protocol="sotw",type="cds"} 250`,
	} {
		if !strings.Contains(page, want+"\n") {
			t.Errorf("want %s in\n%s", want, only(page, "_overflow"))
		}
	}
}

func TestANodeThatComesWithEverNewNamesIsBounded(t *testing.T) {
	m := New(BuildInfo{})
	clock := time.Unix(1_700_000_000, 0)
	m.XDS.streams.nodes.now = func() time.Time { return clock }
	seen := map[string]bool{}
	visit := func(from, to int) {
		for i := from; i < to; i++ {
			s := m.XDS.Opened(fmt.Sprintf("delta-%d", i), "delta")
			request(s, fmt.Sprintf("node-%d", i), cds, "subscribe")
			node, _ := s.counted()
			seen[node] = true
			s.Closed(time.Second, "Canceled")
		}
	}
	visit(0, 2*maxNodes)
	if len(seen) != maxNodes+1 || !seen[overflow] {
		t.Errorf("%d node labels within an hour, want %d and %s", len(seen), maxNodes, overflow)
	}
	clock = clock.Add(nodeMemory + time.Second)
	visit(2*maxNodes, 2*maxNodes+1)
	if !seen[fmt.Sprintf("node-%d", 2*maxNodes)] {
		t.Error("after an hour of rest old names should have made room for a new one")
	}
}

func TestAStreamKeepsTheNodeThatItOpenedWith(t *testing.T) {
	m := New(BuildInfo{})
	s := m.XDS.Opened("sotw-1", "sotw")
	request(s, "first", cds, "subscribe")
	request(s, "impostor", cds, "ack")
	response(s, "", cds, 1, 1)
	if page := scrape(t, m); strings.Contains(page, "impostor") ||
		!strings.Contains(page, `legate_xds_stream_requests_total{node="first",protocol="sotw",stream="sotw-1",type="cds"} 2`) {
		t.Errorf("the node of a stream changed:\n%s", only(page, "legate_xds_stream_"))
	}
}

func TestLabelsFromTheNetworkAreCleanAndShort(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"edge-1", "edge-1"},
		{"", "_none"},
		{"a\nb\x00c", "a_b_c"},
		{"bad\xff", "bad_"},
		{"Köln", "Köln"},
		{strings.Repeat("x", 1<<20), strings.Repeat("x", maxNodeLen)},
		{strings.Repeat("x", maxNodeLen-1) + "ö", strings.Repeat("x", maxNodeLen-1)},
	} {
		if got := clean(c.in); got != c.want {
			t.Errorf("clean(%.20q) = %q, want %q", c.in, got, c.want)
		}
	}
	m := New(BuildInfo{})
	s := m.XDS.Opened("sotw-1", "sotw")
	for i := range 1000 {
		request(s, "n", fmt.Sprintf("type.googleapis.com/made.up.%d", i), fmt.Sprintf("kind-%d", i))
		m.XDS.Fetch(fmt.Sprintf("t%d", i), fmt.Sprintf("o%d", i))
		m.XDS.Delays(fmt.Sprintf("t%d", i)).Sent(time.Second, Origin{})
	}
	s.Closed(time.Second, "a made up code")
	page := scrape(t, m)
	for _, family := range []string{"legate_xds_requests_total", "legate_xds_fetches_total", "legate_xds_streams_closed_total"} {
		if n := strings.Count(page, "\n"+family+"{"); n > 20 {
			t.Errorf("%s has %d series", family, n)
		}
	}
	if want := `legate_xds_requests_total{kind="other",protocol="sotw",type="other"} 1000`; !strings.Contains(page, want) {
		t.Errorf("want %s", want)
	}
}

func TestTheFirstNACKIsAStepFromZero(t *testing.T) {
	m := New(BuildInfo{})
	m.XDS.Serves(cds, eds)
	before := scrape(t, m)
	if want := `legate_xds_nacks_total{type="cds"} 0`; !strings.Contains(before, want) {
		t.Errorf("before any NACK: want %s", want)
	}
	m.XDS.now = func() time.Time { return time.Unix(1_700_000_000, 0) }
	request(m.XDS.Opened("sotw-1", "sotw"), "n", cds, "nack")
	after := scrape(t, m)
	for _, want := range []string{
		`legate_xds_nacks_total{type="cds"} 1`,
		`legate_xds_last_nack_timestamp_seconds{type="cds"} 1.7e+09`,
		`legate_xds_last_nack_timestamp_seconds{type="eds"} 0`,
	} {
		if !strings.Contains(after, want+"\n") {
			t.Errorf("want %s in\n%s", want, only(after, "nack"))
		}
	}
}

func TestTheFirstFailedQueryAndTheFirstLostStreamAreStepsFromZero(t *testing.T) {
	page := scrape(t, New(BuildInfo{}))
	for _, want := range []string{
		`legate_consul_queries_total{datacenter="",outcome="denied",peer=""} 0`,
		`legate_xds_streams_closed_total{code="Unavailable",protocol="delta"} 0`,
	} {
		if !strings.Contains(page, want+"\n") {
			t.Errorf("before anything has happened: want %s", want)
		}
	}
}

func TestAProblemThatEndedIsZeroAndNotForgotten(t *testing.T) {
	m := New(BuildInfo{})
	m.Translate.Problems(map[string]int{"bad_port": 2})
	m.Translate.Problems(nil)
	if page := scrape(t, m); !strings.Contains(page, `legate_translate_problems{reason="bad_port"} 0`) {
		t.Errorf("got\n%s", only(page, "problems"))
	}
}

func TestTotalsKeepTheProtocolsApart(t *testing.T) {
	m := New(BuildInfo{})
	sotw, delta := m.XDS.Opened("sotw-1", "sotw"), m.XDS.Opened("delta-1", "delta")
	request(sotw, "n", cds, "subscribe")
	response(sotw, "n", cds, 1, 1)
	request(sotw, "n", cds, "ack")
	request(delta, "n", cds, "subscribe")
	response(delta, "n", cds, 1, 1)
	response(delta, "n", cds, 1, 1)
	m.XDS.Fetch(cds, "ok")
	want := Totals{Fetches: 1, Requests: 2, Responses: 1, DeltaRequests: 1, DeltaResponses: 2}
	if got := m.XDS.Totals(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestNilMetricsDoNothing(t *testing.T) {
	everything(&Metrics{})
	if got := (*XDS)(nil).Totals(); got != (Totals{}) {
		t.Errorf("got %+v", got)
	}
}

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	page, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("scrape: %d %v\n%s", w.Code, err, page)
	}
	return string(page)
}

// only returns the lines of a page that contain what.
func only(page, what string) string {
	var out strings.Builder
	for line := range strings.Lines(page) {
		if strings.Contains(line, what) {
			out.WriteString(line)
		}
	}
	return out.String()
}

func request(s *Stream, node, typeURL, kind string) {
	s.Named(node)
	s.Type(typeURL).Request(kind)
}

func response(s *Stream, node, typeURL string, resources, bytes int) {
	s.Named(node)
	s.Type(typeURL).Response(resources, bytes)
}
