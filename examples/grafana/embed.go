// Package grafana contains the dashboards and the alert rules of this folder, for "legate dashboards export" and
// "legate alerts export".
package grafana

import (
	"bytes"
	"embed"
	"io/fs"
)

//go:embed legate-*.json
var dashboards embed.FS

//go:embed legate.rules.yml
var rules []byte

// File is a file of this folder.
type File struct {
	Name    string
	Content []byte
}

// Dashboards returns the dashboards, in the order of their names, as Grafana imports them.
func Dashboards() ([]File, error) {
	names, err := fs.Glob(dashboards, "*.json")
	if err != nil {
		return nil, err
	}
	var all []File
	for _, name := range names {
		content, err := dashboards.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all = append(all, File{name, content})
	}
	return all, nil
}

// Runbooks is where the runbooks of the alerts are, unless said otherwise: the page docs/when.md.
const Runbooks = "file:///usr/share/doc/legate/docs/when.md"

// Rules returns the alert rules and recording rules, as Prometheus loads them. Their runbooks are at a URL, without an
// anchor; if it is empty, at Runbooks.
func Rules(runbooks string) File {
	if runbooks == "" {
		runbooks = Runbooks
	}
	return File{"legate.rules.yml", bytes.ReplaceAll(rules, []byte("runbook_url: "+Runbooks+"#"), []byte("runbook_url: "+runbooks+"#"))}
}
