package grafanatest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whoever adds a dashboard looks at it: make pictures.
func TestEachDashboardHasItsPictures(t *testing.T) {
	const checkout, most = "../..", 200_000
	readme, err := os.ReadFile(filepath.Join(checkout, "examples/grafana/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for file := range readDashboards(t) {
		for _, scheme := range []string{"light", "dark"} {
			name := fmt.Sprintf("docs/pictures/dashboard-%s-%s.webp", strings.TrimSuffix(strings.TrimPrefix(file, "legate-"), ".json"), scheme)
			if info, err := os.Stat(filepath.Join(checkout, name)); err != nil {
				t.Error(err)
			} else if info.Size() > most {
				t.Errorf("%s has %d bytes, more than %d", name, info.Size(), most)
			}
			if !strings.Contains(string(readme), "../../"+name) {
				t.Errorf("examples/grafana/README.md does not show %s", name)
			}
		}
	}
}
