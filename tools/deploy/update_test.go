package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rewriteBootstrap puts a bootstrap at the end of compose.yaml.
func rewriteBootstrap(t testing.TB, bootstrap string) {
	t.Helper()
	const mark = "  envoy: # legate bootstrap envoy --node-id compose --xds-address legate:18000 --route 0.0.0.0:8080=web\n    content: |\n"
	before, _, found := strings.Cut(source(t, "compose.yaml"), mark)
	if !found {
		t.Fatalf("compose.yaml has no %q", mark)
	}
	var b strings.Builder
	b.WriteString(before + mark)
	for line := range strings.Lines(bootstrap) {
		if line != "\n" {
			line = "      " + line
		}
		b.WriteString(line)
	}
	if err := os.WriteFile(filepath.Join(top, "compose.yaml"), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
