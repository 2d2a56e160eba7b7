package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/README.md has a row for each thing that people do, and leads to every page.
func TestTheIndexLeadsToEveryPage(t *testing.T) {
	index, err := os.ReadFile(top + "docs/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"Install", "Configure", "Policy", "Operate", "Migrate", "Security", "Reference"} {
		if !strings.Contains(string(index), "\n| **"+what+"** | [") {
			t.Errorf("the index has no row %s that begins with a page", what)
		}
	}
	pages, err := filepath.Glob(top + "docs/*.md")
	if err != nil || len(pages) < 20 {
		t.Fatal(pages, err)
	}
	for _, page := range pages {
		if name := filepath.Base(page); name != "README.md" && !strings.Contains(string(index), "]("+name+")") {
			t.Errorf("the index does not lead to %s", name)
		}
	}
}

// A link within the pages leads to a file, and to a heading in it.
func TestLinksOfThePagesLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob(top + "docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for _, page := range append(pages, top+"README.md", top+"ARCHITECTURE.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\]\(([^)#:]*)(?:#([^)]+))?\)`).FindAllStringSubmatch(string(text), -1) {
			links++
			to := filepath.Join(filepath.Dir(page), m[1])
			if m[1] == "" {
				to = page
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: %v", page, err)
			} else if m[2] != "" && !headings(t, to)[m[2]] {
				t.Errorf("%s: %s has no heading #%s", page, to, m[2])
			}
		}
	}
	if links < 100 {
		t.Errorf("%d links were found", links)
	}
}

// headings are the anchors of a page's headings.
func headings(t *testing.T, page string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$|<a (?:id|name)="([^"]+)">`).FindAllStringSubmatch(string(text), -1) {
		plain := regexp.MustCompile(`[^\pL\pN _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		all[strings.ReplaceAll(plain, " ", "-")], all[m[2]] = true, true
	}
	return all
}
