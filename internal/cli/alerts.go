package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"legate/examples/grafana"
)

func (p *program) alerts() *command {
	path, runbooks, force := "-", "", false
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
can wait for the morning. Each alert has a runbook_url: the section of docs/when.md that says what to
do. It leads to where packages put that page; --runbooks names the place where your people read it.`,
			examples: `
legate alerts export /etc/prometheus/legate.rules.yml
legate alerts export | promtool check rules
legate alerts export --runbooks https://git.example.com/legate/docs/when.md /etc/prometheus/legate.rules.yml

# after each upgrade of Legate
legate alerts export --force /etc/prometheus/legate.rules.yml`,
			operand: operand{"[FILE|-]", 0, 1, func(words []string) { path = words[0] }},
			settings: []*setting{
				forceSetting(&force, "LEGATE_ALERTS_FORCE"),
				shown(text(&runbooks, setting{
					name: "runbooks", env: "LEGATE_ALERTS_RUNBOOKS", category: "Flags", hint: "URL",
					usage: "Where docs/when.md is, without an anchor.",
				}), grafana.Runbooks),
			},
			run: func(context.Context) error {
				if strings.ContainsAny(runbooks, "# \t\r\n\"'{}") {
					return usageError{fmt.Errorf("--runbooks %q: want a URL without an anchor, such as https://git.example.com/legate/docs/when.md", runbooks)}
				}
				rules := grafana.Rules(runbooks)
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
