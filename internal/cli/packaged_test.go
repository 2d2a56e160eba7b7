package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The configuration file of the packages shows defaults that are commented out. They are true, and with all of them
// in force it is a valid file.
func TestThePackagedFileShowsTheDefaults(t *testing.T) {
	text, err := os.ReadFile("../../tools/packages/legate.yaml")
	if err != nil {
		t.Fatal(err)
	}
	serve, _ := (&program{}).serveCommand()
	fallbacks := map[string]string{}
	for _, s := range serve.settings {
		fallbacks[s.key] = s.fallback
	}
	setting := regexp.MustCompile(`^  # ([a-z_]+): (\S+)$`)
	block, shown := "", 0
	var all strings.Builder
	for line := range strings.Lines(string(text)) {
		if m := regexp.MustCompile(`^([a-z]+):$`).FindStringSubmatch(strings.TrimSpace(line)); m != nil && line[0] != '#' {
			block = m[1]
		}
		if m := setting.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
			shown++
			key, value := block+"."+m[1], strings.Trim(m[2], `"`)
			if fallback, is := fallbacks[key]; !is || fallback != value {
				t.Errorf("the file says that %s has the default %q, it has %q", key, value, fallback)
			}
			line = "  " + m[1] + ": " + m[2] + "\n"
		}
		all.WriteString(line)
	}
	if shown < 5 {
		t.Errorf("the file shows %d defaults only", shown)
	}
	for name, content := range map[string]string{"as it is": string(text), "with all lines": all.String()} {
		path := t.TempDir() + "/legate.yaml"
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readFile(path, serve.settings); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
