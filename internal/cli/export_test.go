package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"legate/examples/grafana"
)

const example = "../../examples/grafana"

func TestTheDashboardsAreExportedAsTheDocumentationShows(t *testing.T) {
	folder := t.TempDir()
	got := legate(t, nil, "dashboards", "export", folder)
	const documentedFolder = "/var/lib/grafana/dashboards/legate"
	want := documented(t, "dashboards.md", "legate dashboards export "+documentedFolder)
	if shown := strings.ReplaceAll(got.out, folder, documentedFolder); got.code != 0 || shown != want {
		t.Errorf("exit %d:\n%s%s\nwant\n%s", got.code, shown, got.err, want)
	}
	files, err := filepath.Glob(filepath.Join(example, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		same(t, filepath.Join(folder, filepath.Base(f)), f)
	}
	if again := legate(t, nil, "dashboards", "export", folder); again.code != 0 || strings.Count(again.out, "unchanged") != len(files) || strings.Contains(again.out, "written") {
		t.Errorf("again: exit %d:\n%s%s", again.code, again.out, again.err)
	}
}

// same reports files that differ.
func same(t *testing.T, path, as string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(as)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not %s", path, as)
	}
}

func TestADifferentFileIsOverwrittenOnlyByForce(t *testing.T) {
	folder := t.TempDir()
	all, err := grafana.Dashboards()
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(folder, all[len(all)-1].Name)
	if err := os.WriteFile(own, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := legate(t, nil, "dashboards", "export", folder)
	if got.code != 1 || got.out != "" || !strings.Contains(got.err, own+`" is there and is different, so nothing is written`) || !strings.Contains(got.err, "--force") {
		t.Errorf("exit %d:\n%s%s", got.code, got.out, got.err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("%v: %v", entries, err)
	}
	got = legate(t, nil, "dashboards", "export", folder, "--force")
	if got.code != 0 || !strings.Contains(got.out, "overwritten  "+own) {
		t.Errorf("exit %d:\n%s%s", got.code, got.out, got.err)
	}
	same(t, own, filepath.Join(example, filepath.Base(own)))
	if info, err := os.Stat(own); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v %v: Grafana must be able to read it", info, err)
	}
}

func TestAFolderThatIsNotThereIsNamed(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "none")
	if got := legate(t, nil, "dashboards", "export", folder); got.code != 1 || !strings.Contains(got.err, "there is no folder") {
		t.Errorf("exit %d:\n%s%s", got.code, got.out, got.err)
	}
}

func TestTheRulesAreExported(t *testing.T) {
	rules, err := os.ReadFile(filepath.Join(example, "legate.rules.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"alerts", "export"}, {"alerts", "export", "-"}} {
		if got := legate(t, nil, args...); got != (result{0, string(rules), ""}) {
			t.Errorf("%q: exit %d, %d bytes of %d: %s", args, got.code, len(got.out), len(rules), got.err)
		}
	}
	path := filepath.Join(t.TempDir(), "mine.yml")
	if got := legate(t, nil, "alerts", "export", path); got != (result{0, "written      " + path + "\n", ""}) {
		t.Errorf("%+v", got)
	}
	same(t, path, filepath.Join(example, "legate.rules.yml"))
	if err := os.WriteFile(path, []byte("groups: []\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := legate(t, nil, "alerts", "export", path); got.code != 1 || !strings.Contains(got.err, "nothing is written") {
		t.Errorf("%+v", got)
	}
	if got := legate(t, nil, "alerts", "export", "--force", path); got != (result{0, "overwritten  " + path + "\n", ""}) {
		t.Errorf("%+v", got)
	}
}

func TestTheRunbooksAreWhereTheOperatorSays(t *testing.T) {
	const place = "https://git.example.com/legate/docs/when.md"
	got := legate(t, nil, "alerts", "export", "--runbooks", place)
	alerts := strings.Count(got.out, "- alert: ")
	if got.code != 0 || alerts == 0 || strings.Count(got.out, "runbook_url: "+place+"#legate") != alerts || strings.Contains(got.out, "file://") {
		t.Errorf("exit %d, %d alerts:\n%s", got.code, alerts, got.err)
	}
	if got := legate(t, nil, "alerts", "export", "--runbooks", place+"#legatedown"); got.code != 2 || got.out != "" || !strings.Contains(got.err, "without an anchor") {
		t.Errorf("%+v", got)
	}
}
