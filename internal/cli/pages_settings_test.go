package cli

import (
	stdflag "flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = stdflag.Bool("update", false, "write the settings into docs/configure.md")

// The table in docs/configure.md is made from the settings.
func TestTheSettingsOfServeAreInTheDocumentation(t *testing.T) {
	const page, mark = checkout + "docs/configure.md", "<!-- made by: go test ./internal/cli -run TheSettingsOfServe -update -->\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(text), mark)
	if !found {
		t.Fatalf("the page lacks %s", mark)
	}
	want := settingsTable()
	if *update {
		if err := os.WriteFile(page, []byte(before+mark+want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if after != want {
		t.Errorf("the settings are not those of the program: make the table again, with -update")
	}
}

func settingsTable() string {
	serve, _ := (&program{}).serveCommand()
	var b strings.Builder
	for _, category := range categories(serve.settings) {
		fmt.Fprintf(&b, "\n### %s\n\n| key | flag, variable | default | |\n|---|---|---|---|\n", category)
		for _, s := range serve.settings {
			if s.category != category {
				continue
			}
			var other []string
			if s.name != "" {
				title, _, _ := strings.Cut(s.title(), " (repeatable)")
				other = append(other, code(title))
			}
			if s.env != "" {
				other = append(other, code(s.env))
			}
			usage := s.usage
			if s.many {
				usage += " A list."
			}
			if slices.Contains(live, s.name) {
				usage += " **Live.**"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code(s.key), strings.Join(other, "<br>"), code(s.fallback), strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(usage))
		}
	}
	return b.String()
}

// code is a text in a cell of a table, as it is.
func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}
