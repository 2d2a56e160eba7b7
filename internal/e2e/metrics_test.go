package e2e_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"legate/internal/grafanatest"
	"legate/internal/parts"
)

// checkMetrics compares what Legate exports after a story with what the dashboard and the alerts of
// examples/grafana use.
func (s *stage) checkMetrics(t *testing.T) {
	t.Helper()
	// Some metrics exist only when something is left out.
	s.registerAs(t, parts.Instance{ID: "portless-1", Service: "portless", Address: "127.0.0.1"})
	eventually(t, func() error {
		page, err := s.legate.get("/metrics")
		if err != nil {
			return err
		}
		missing, err := grafanatest.Missing(bytes.NewReader(page))
		if err == nil && len(missing) > 0 {
			err = errors.New(strings.Join(missing, "\n"))
		}
		return err
	})
}
