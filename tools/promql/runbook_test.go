package promql

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// runbooks is where the runbook_url of an alert leads, up to the anchor. "legate alerts export --runbooks" replaces it.
const runbooks = "file:///usr/share/doc/legate/docs/when.md#"

// anchors returns the anchors of a page in Markdown, as its renderers make them of the headings, each with the text
// below it.
func anchors(t *testing.T, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	heading := regexp.MustCompile(`(?m)^#+ (.*)$`)
	places := heading.FindAllStringSubmatchIndex(string(text), -1)
	for i, p := range places {
		title, end := string(text[p[2]:p[3]]), len(text)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		anchor := regexp.MustCompile(`[^\w -]`).ReplaceAllString(strings.ToLower(title), "")
		all[strings.ReplaceAll(anchor, " ", "-")] = strings.TrimSpace(string(text[p[1]:end]))
	}
	return all
}

// Whoever is woken by an alert gets to a section about it, which says more than the alert.
func TestTheRunbookOfEachAlertIsThere(t *testing.T) {
	sections := anchors(t, "../../docs/when.md")
	for _, r := range alertRules(t) {
		anchor, ok := strings.CutPrefix(r.Annotations["runbook_url"], runbooks)
		if !ok || anchor != strings.ToLower(r.Alert) {
			t.Errorf("alert %s: its runbook_url is %q, want %s", r.Alert, r.Annotations["runbook_url"], runbooks+strings.ToLower(r.Alert))
		}
		text, found := sections[anchor]
		if !found {
			t.Errorf("alert %s: docs/when.md has no section %q", r.Alert, anchor)
		} else if !strings.Contains(text, "`legate ") && !strings.Contains(text, "`journalctl") {
			t.Errorf("alert %s: its section names no command to begin with:\n%s", r.Alert, text)
		}
	}
	alerts := map[string]bool{}
	for _, r := range alertRules(t) {
		alerts[strings.ToLower(r.Alert)] = true
	}
	for anchor := range sections {
		if strings.HasPrefix(anchor, "legate") && !strings.HasPrefix(anchor, "legate-") && !alerts[anchor] {
			t.Errorf("docs/when.md has a section %q, and there is no such alert", anchor)
		}
	}
}
