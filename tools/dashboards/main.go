// Dashboards writes the Grafana dashboards of examples/grafana. Run it, after a change, with: make dashboards
//
// Each dashboard is a list of rows of panels, in a file of its own: what a panel is called, what it means, what it
// asks Prometheus. How such a panel looks in Grafana's JSON is said once, in panel.go and board.go.
//
// It is a module of its own: Legate itself needs no library for dashboards, since its program contains the finished
// files.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// folder is where the dashboards are, seen from this module.
const folder = "../../examples/grafana"

// boards are all dashboards, in the order in which somebody who was just woken up needs them.
func boards() []board {
	return []board{fleet(), node(), consul(), services(), capacity()}
}

func main() {
	to := flag.String("to", folder, "the folder that the dashboards are written to")
	flag.Parse()
	for _, b := range boards() {
		content, err := b.file()
		if err == nil {
			err = os.WriteFile(filepath.Join(*to, b.fileName()), content, 0o644)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "dashboard %q: %v\n", b.name, err)
			os.Exit(1)
		}
	}
}

// file returns the dashboard as Grafana imports it.
func (b board) file() ([]byte, error) {
	d, err := b.build()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(d); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
