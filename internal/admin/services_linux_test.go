package admin

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"legate/internal/changes"
)

// BenchmarkServices measures what the slowest pages cost with 10,000 services, 80,000 instances, 1,000 streams, and as
// many changes as are remembered.
// The goal is 50 ms until the first byte, which is sent when a page is complete. ms-cpu/op is what that takes on a
// machine that does nothing else, garbage collection included.
func BenchmarkServices(b *testing.B) {
	h := city(10_000, 1000)
	h.record = changes.New()
	for n := range 4096 {
		h.record.Add(appeared(fmt.Sprintf("service-%05d", n%500), changes.Service, 0))
	}
	handler := h.server().Handler()
	for _, path := range []string{
		"/services", "/services?sort=-critical", "/services?sort=-problems", "/services?sort=-changed&only=unhealthy", "/services?q=-099", "/services?page=100",
		"/services/service-00140", "/services/service-0140",
		"/changes", "/changes?service=service-00499&limit=1000", "/changes?kind=hold", "/nodes", "/nodes?sort=-behind&q=edge&only=unsynced", "/nodes?page=10", "/nodes/edge-50", "/nodes/edge-0x", "/consul", "/api/v1/services?limit=1000", "/api/v1/services/service-00140",
	} {
		b.Run(strings.ReplaceAll(path, "/", ":"), func(b *testing.B) {
			before := cpu(b)
			for b.Loop() {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil))
				if w.Code >= 500 {
					b.Fatal(w.Body)
				}
			}
			b.ReportMetric(float64(cpu(b)-before)/float64(time.Millisecond)/float64(b.N), "ms-cpu/op")
		})
	}
}

// cpu is the time that this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkMark measures what it costs to look whether something has changed, twice a second while somebody listens.
func BenchmarkMark(b *testing.B) {
	h := city(10_000, 1000)
	h.record = changes.New()
	s := h.server()
	for b.Loop() {
		s.mark()
	}
}
