package e2e_test

import (
	"bytes"
	"testing"
)

// checkMetrics looks at what a Legate exports after a story.
func checkMetrics(t *testing.T, l *legate) {
	t.Helper()
	page, err := l.get("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, []byte("\nlegate_build_info{")) {
		t.Errorf("no legate_build_info in\n%s", page)
	}
}
