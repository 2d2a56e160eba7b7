package cli

import (
	"context"

	"legate/examples/grafana"
)

func (p *program) dashboards() *command {
	folder, force := ".", false
	return &command{
		name:  "dashboards",
		usage: "write the Grafana dashboards to files",
		sub: []*command{{
			name:  "export",
			usage: "write the Grafana dashboards to files",
			about: `
Each dashboard is a file; they have links to each other. Without a folder, they go to the present
one. Files that are there and are different stay, and nothing is written, unless --force is given.

To import them by hand: Dashboards, New, Import in Grafana, a file at a time. To have Grafana
load them itself, and again when they change, write them to the folder of a file provider
(provisioning/dashboards/legate.yaml in Grafana's configuration):

  apiVersion: 1
  providers:
    - name: legate
      folder: Legate
      type: file
      options: {path: /var/lib/grafana/dashboards/legate}

They ask the Prometheus that is chosen on top of each. It must scrape Legate: see "legate alerts
export --help".`,
			examples: `
legate dashboards export

# for a file provider, after each upgrade of Legate
legate dashboards export --force /var/lib/grafana/dashboards/legate`,
			operand:  operand{"[FOLDER]", 0, 1, func(words []string) { folder = words[0] }},
			settings: []*setting{forceSetting(&force, "LEGATE_DASHBOARDS_FORCE")},
			run: func(context.Context) error {
				all, err := grafana.Dashboards()
				if err != nil {
					return err
				}
				return p.export(folder, all, force)
			},
		}},
	}
}
