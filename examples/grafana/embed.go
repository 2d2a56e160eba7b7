// Package grafana contains the dashboards and the alert rules of this folder, for "legate dashboards export" and
// "legate alerts export".
package grafana

import (
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

// Rules returns the alert rules and recording rules, as Prometheus loads them.
func Rules() File { return File{"legate.rules.yml", append([]byte(nil), rules...)} }
