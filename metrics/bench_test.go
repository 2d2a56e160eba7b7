package metrics

import (
	"testing"
	"time"
)

// Each answer of Consul is counted: one question, its index, its time.
func BenchmarkAnswer(b *testing.B) {
	c := New(BuildInfo{}).Consul
	at := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		c.Query("unchanged", time.Minute)
		c.Fresh(at)
		c.Index("services", 7)
	}
}
