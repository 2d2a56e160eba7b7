package watch

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"legate/discovery/consul"
	"legate/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// queriesOver asks a Consul that is not there.
func queriesOver(t *testing.T, maxConnections int) *Queries {
	t.Helper()
	cfg := consul.DefaultConfig()
	cfg.MaxConnections, cfg.Datacenter = maxConnections, "dc1"
	log := slog.New(slog.DiscardHandler)
	client, err := consul.New(cfg, log, nowhere{})
	if err != nil {
		t.Fatal(err)
	}
	return New(DefaultConfig(), client, 10*time.Second, func() bool { return false }, log, nil)
}

// nowhere answers nothing.
type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

func at(seconds float64) time.Time {
	return time.Unix(1_000_000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (b *lockedBuffer) count(s string) int { return strings.Count(b.String(), s) }

// sample is the value of a counter or gauge, summed up over all whose label is one of these, or all
// at all.
func sample(t *testing.T, m *metrics.Metrics, name string, labels ...string) (sum float64) {
	t.Helper()
	families, err := m.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, one := range f.GetMetric() {
			wanted := len(labels) == 0
			for _, l := range one.GetLabel() {
				for _, label := range labels {
					wanted = wanted || l.GetValue() == label
				}
			}
			if wanted {
				sum += one.GetCounter().GetValue() + one.GetGauge().GetValue()
			}
		}
	}
	return sum
}
