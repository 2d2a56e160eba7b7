package cli

import (
	"fmt"
	"slices"
	"strings"
)

// literal escapes a text so that a template prints it as it is.
func literal(s string) string { return strings.ReplaceAll(s, "{{", `{{"{{"}}`) }

// rootHelp is the output of "legate --help".
func rootHelp(commands []*command) string {
	var b strings.Builder
	b.WriteString("Legate watches a Consul catalog and serves it to Envoy over xDS.\n\nUsage:\n  legate COMMAND [flags]\n\nCommands:\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "  %-12s %s\n", c.name, c.usage)
	}
	b.WriteString(`
Try it:
  legate serve                                   # Consul at 127.0.0.1:8500
  legate bootstrap envoy --route 8080=web > envoy.yaml
  envoy -c envoy.yaml
  curl http://127.0.0.1:8080/                    # answered by Consul's service "web"

Every flag can also be an environment variable or a key of the file that --config
names. A flag wins over the environment, the environment over the file, the file
over the default. "legate COMMAND --help" names all three.
`)
	return b.String()
}

// help is the output of "legate COMMAND --help". The defaults shown are the program's own: the
// environment may hold secrets and is never shown.
func (c *command) help(full string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\nUsage:\n  %s", full, c.usage, full)
	if len(c.sub) > 0 {
		b.WriteString(" COMMAND [flags]\n\nCommands:\n")
		for _, s := range c.sub {
			fmt.Fprintf(&b, "  %-12s %s\n", s.name, s.usage)
		}
		return b.String()
	}
	if c.operand.max > 0 {
		b.WriteString(" " + c.operand.name)
	}
	if len(c.settings) > 0 {
		b.WriteString(" [flags]")
	}
	b.WriteString("\n")
	if c.about != "" {
		b.WriteString("\n" + strings.TrimSpace(c.about) + "\n")
	}
	if c.examples != "" {
		b.WriteString("\nExamples:\n" + indent(strings.TrimSpace(c.examples)) + "\n")
	}
	for _, category := range categories(c.settings) {
		b.WriteString("\n" + category + ":\n")
		for _, s := range c.settings {
			if s.category == category {
				b.WriteString(s.help())
			}
		}
	}
	return b.String()
}

// help returns a setting's lines in --help: the flag, what it does, and its other sources.
func (s *setting) help() string {
	var b strings.Builder
	b.WriteString("  " + s.title() + "\n")
	for _, line := range wrap(s.usage, 74) {
		b.WriteString("      " + line + "\n")
	}
	places := s.places()
	if len(places) > 0 {
		for _, line := range wrap("["+strings.Join(places, ", ")+"]", 84) {
			b.WriteString("      " + line + "\n")
		}
	}
	return b.String()
}

// places are the setting's default and its other sources.
func (s *setting) places() (all []string) {
	if s.fallback != "" {
		all = append(all, "default "+s.fallback)
	}
	if s.env != "" {
		all = append(all, "$"+s.env)
	}
	if s.key != "" && s.name != "" {
		all = append(all, "file: "+s.key)
	}
	if slices.Contains(live, s.name) {
		all = append(all, "holds without a restart")
	}
	return all
}

// title is how users write a setting: its flag or, without one, its key.
func (s *setting) title() string {
	title := "--" + s.name
	switch {
	case s.name == "":
		return s.key + " (file only)"
	case !s.isFlag:
		title += " " + or(s.hint, "TEXT")
	}
	if s.many {
		title += " (repeatable)"
	}
	return title
}

// categories returns the headings of the settings in order.
func categories(settings []*setting) []string {
	var out []string
	seen := map[string]bool{}
	for _, s := range settings {
		if !seen[s.category] {
			seen[s.category] = true
			out = append(out, s.category)
		}
	}
	return out
}

// indent indents a text by two spaces, except for empty lines.
func indent(s string) string {
	return strings.ReplaceAll("  "+strings.ReplaceAll(s, "\n", "\n  "), "\n  \n", "\n\n")
}

// wrap breaks a text between words into lines of at most width characters.
func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
