package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func (p *program) man() *command {
	var words []string
	folder := ""
	c := &command{
		name:  "man",
		usage: "print the manual pages",
		about: `
There is a page for the program, legate(1), and one for each command, such as
legate-serve(1). It prints one, or with --folder writes all of them to files.`,
		examples: `
legate man | man -l -
legate man bootstrap envoy | man -l -

# for everybody on this machine
sudo legate man --folder /usr/local/share/man/man1 && man legate-serve`,
		operand: operand{"[COMMAND…]", 0, 2, func(w []string) { words = w }},
		settings: []*setting{shown(text(&folder, setting{
			name: "folder", env: "LEGATE_MAN_FOLDER", category: "Flags", hint: "FOLDER",
			usage: "Write all pages to this folder, which must exist.",
		}), "none: print one page")},
	}
	c.run = func(context.Context) error {
		pages := manual(p.commands())
		if folder == "" {
			name := strings.Join(append([]string{"legate"}, words...), "-")
			i := slices.IndexFunc(pages, func(m manPage) bool { return m.name == name })
			if i < 0 {
				return usageError{fmt.Errorf("there is no command %q, see %q", strings.Join(append([]string{"legate"}, words...), " "), "legate --help")}
			}
			_, err := p.out.Write(pages[i].text)
			return err
		}
		if len(words) > 0 {
			return usageError{errors.New("--folder writes all pages: name no command")}
		}
		for _, one := range pages {
			path := filepath.Join(folder, one.name+".1")
			if err := os.WriteFile(path, one.text, 0o644); err != nil {
				return fmt.Errorf("write %q: %w", path, reason(err))
			}
		}
		_, err := fmt.Fprintf(p.out, "the pages are in %s\n", folder)
		return err
	}
	return c
}

// manPage is a page of the manual, in the language of man(7).
type manPage struct {
	name string // legate-serve
	text []byte
}

// manual is the page of the program, and those of all commands.
func manual(commands []*command) []manPage {
	var root roff
	root.head("legate", "serves what Consul knows to Envoy over xDS")
	root.section("SYNOPSIS", `\fBlegate\fR \fICOMMAND\fR [flags]`)
	root.section("COMMANDS", "")
	pages := []manPage{}
	var add func(parent string, all []*command)
	add = func(parent string, all []*command) {
		for _, c := range all {
			full := parent + " " + c.name
			if len(c.sub) > 0 {
				add(full, c.sub)
				continue
			}
			page := strings.ReplaceAll(full, " ", "-")
			root.item(`\fB`+escape(page)+`\fR(1)`, escape(c.usage))
			pages = append(pages, manPage{page, c.page(full)})
		}
	}
	add("legate", commands)
	root.section("SETTINGS", "Every flag can also be an environment variable or a key of the file that\n.B \\-\\-config\nnames. A flag wins over the environment, the environment over the file, the file over the default.")
	root.section("EXIT STATUS", "0 for success, 1 for a failure, 2 for a mistake in the command line, the environment or the configuration file; others as the command's page says.")
	return append([]manPage{{"legate", root.Bytes()}}, pages...)
}

// page is the page of a command: what --help says.
func (c *command) page(full string) []byte {
	var r roff
	r.head(strings.ReplaceAll(full, " ", "-"), c.usage)
	synopsis := `\fB` + escape(full) + `\fR`
	if c.operand.max > 0 {
		synopsis += ` \fI` + escape(c.operand.name) + `\fR`
	}
	if len(c.settings) > 0 {
		synopsis += " [flags]"
	}
	r.section("SYNOPSIS", synopsis)
	if c.about != "" {
		r.section("DESCRIPTION", strings.ReplaceAll(escape(strings.TrimSpace(c.about)), "\n\n", "\n.PP\n"))
	}
	for _, category := range categories(c.settings) {
		title := "OPTIONS"
		if category != "Flags" {
			title += ": " + strings.ToUpper(category)
		}
		r.section(title, "")
		for _, s := range c.settings {
			if s.category == category {
				r.item(`\fB`+escape(s.title())+`\fR`, escape(s.usage)+places(s))
			}
		}
	}
	if c.examples != "" {
		r.section("EXAMPLES", ".nf\n"+escape(strings.TrimSpace(c.examples))+"\n.fi")
	}
	r.section("SEE ALSO", `\fBlegate\fR(1)`)
	return r.Bytes()
}

// places are the other sources of a setting, as a paragraph.
func places(s *setting) string {
	all := s.places()
	if len(all) == 0 {
		return ""
	}
	return "\n.br\n" + escape("["+strings.Join(all, ", ")+"]")
}

// roff is a page in the making.
type roff struct{ bytes.Buffer }

func (r *roff) head(name, usage string) {
	fmt.Fprintf(r, ".TH %q 1 \"\" %q \"Legate\"\n.SH NAME\n%s \\- %s\n", escape(strings.ToUpper(name)), "legate "+escape(readBuild().Version), escape(name), escape(usage))
}

// section begins a section. Its text is in the language of the page.
func (r *roff) section(title, text string) {
	fmt.Fprintf(r, ".SH %q\n", escape(title))
	if text != "" {
		r.WriteString(text + "\n")
	}
}

// item is a term and what it means.
func (r *roff) item(term, text string) { fmt.Fprintf(r, ".TP\n%s\n%s\n", term, text) }

// escape turns plain text into text of a page: a line that begins with a dot or an apostrophe would be a
// command, and a plain hyphen would not be the one of a flag.
func escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "…", "...").Replace(s)
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
