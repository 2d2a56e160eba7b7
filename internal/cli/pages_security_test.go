package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The ports of docs/security.md are those that there are, with their defaults, and its files have the modes of the packages.
func TestThePageOfSecurityHasThePortsAndTheModes(t *testing.T) {
	text, err := os.ReadFile(checkout + "docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	serve, _ := (&program{}).serveCommand()
	listeners := 0
	for _, s := range serve.settings {
		if !strings.HasSuffix(s.name, "-listen") && s.name != "admin-socket" || s.isFlag || s.many {
			continue
		}
		listeners++
		if row := "\n| `--" + s.name + "` | "; !strings.Contains(strings.ReplaceAll(page, "`", ""), strings.ReplaceAll(row, "`", "")+s.fallback+" | ") {
			t.Errorf("the page does not say that --%s is %s", s.name, s.fallback)
		}
	}
	if listeners != 5 {
		t.Errorf("%d ways in", listeners)
	}
	packages, err := os.ReadFile(checkout + ".goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `(/[a-z/.]+)` \\| `([a-z]+):([a-z]+)` `(0\\d+)` \\|").FindAllStringSubmatch(page, -1)
	for _, m := range rows {
		if !regexp.MustCompile(`dst: ` + regexp.QuoteMeta(m[1]) + `, type: [a-z|]+, file_info: \{owner: ` + m[2] + `, group: ` + m[3] + `, mode: 0o` + m[4][1:] + `\}`).Match(packages) {
			t.Errorf("packages do not make %s as %s:%s %s", m[1], m[2], m[3], m[4])
		}
	}
	if len(rows) != 3 {
		t.Errorf("%d files are said to be in packages", len(rows))
	}
}
