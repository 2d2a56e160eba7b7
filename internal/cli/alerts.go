package cli

import (
	"context"
	"fmt"
	"path/filepath"

	"legate/examples/grafana"
)

func (p *program) alerts() *command {
	path, force := "-", false
	return &command{
		name:  "alerts",
		usage: "write the alert rules for Prometheus",
		sub: []*command{{
			name:  "export",
			usage: "write the alert rules for Prometheus, to a file or to standard output",
			about: `
Without a file, or with -, the rules go to standard output. A file that is there and is different
stays, unless --force is given.

In Prometheus' configuration, name the file and let it scrape Legate:

  rule_files: [legate.rules.yml]
  scrape_configs:
    - job_name: legate                      # LegateDown knows this name
      static_configs:
        - targets: ["127.0.0.1:18001"]      # --admin-listen, or --metrics-listen

Then check both, and have Prometheus read them: promtool check config prometheus.yml, and kill
-HUP, or POST /-/reload. severity critical means that clients have wrong data, or soon will; warning
can wait for the morning. Each alert has a runbook_url that says what to do.`,
			examples: `
legate alerts export /etc/prometheus/legate.rules.yml
legate alerts export | promtool check rules

# after each upgrade of Legate
legate alerts export --force /etc/prometheus/legate.rules.yml`,
			operand:  operand{"[FILE|-]", 0, 1, func(words []string) { path = words[0] }},
			settings: []*setting{forceSetting(&force, "LEGATE_ALERTS_FORCE")},
			run: func(context.Context) error {
				rules := grafana.Rules()
				if path == "-" {
					if _, err := p.out.Write(rules.Content); err != nil {
						return fmt.Errorf("write the rules: %w", err)
					}
					return nil
				}
				return p.export(filepath.Dir(path), []grafana.File{{Name: filepath.Base(path), Content: rules.Content}}, force)
			},
		}},
	}
}
