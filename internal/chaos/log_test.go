package chaos_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"legate/internal/parts"
)

// keepLog keeps Legate's log with the results, and prints its end when the test fails.
func keepLog(t testing.TB, l *parts.Legate) {
	t.Cleanup(func() {
		if *results != "" {
			text, err := os.ReadFile(l.Log)
			if err == nil {
				err = os.WriteFile(filepath.Join(*results, strings.ReplaceAll(t.Name(), "/", "-")+".log"), text, 0o644)
			}
			if err != nil {
				t.Log(err)
			}
		}
		if t.Failed() {
			t.Logf("end of legate's log:\n%s", parts.LogTail(l.Log, 20))
		}
	})
}
