package watch

import (
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"legate/discovery/consul"
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
