package changes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"legate/internal/quote"
)

// Name is what c is about, for people: a service, or how many.
func (c *Change) Name() string {
	switch len(c.Services) {
	case 0:
		return string(c.Kind)
	case 1:
		return quote.Name(c.Services[0])
	}
	return fmt.Sprintf("%s and %d more", quote.Name(c.Services[0]), len(c.Services)-1)
}

// Texts are the lines for people, safe to show. A check is not told beside the health that it changes.
func (c *Change) Texts() []string {
	var all []string
	for i := range c.Lines {
		if !c.told(&c.Lines[i]) {
			all = append(all, c.Lines[i].String())
		}
	}
	if c.More > 0 {
		all = append(all, fmt.Sprintf("… and %d more lines", c.More))
	}
	return all
}

// told reports whether another line has what this one says: the health of an instance names the checks that make it
// what it is.
func (c *Change) told(l *Line) bool {
	return l.What == checkField && slices.ContainsFunc(c.Lines, func(h Line) bool {
		return h.What == healthField && h.Instance == l.Instance &&
			(slices.Contains(h.Checks, l.Key) || len(h.Checks) == 0 && !strings.HasPrefix(l.To, "critical"))
	})
}

// String is the line for people: one line, printable, of bounded length.
func (l *Line) String() string {
	text := func(s string) string { return quote.Text(s, maxText+40) }
	var b strings.Builder
	b.WriteString(l.Op + " ")
	if l.Instance != "" {
		b.WriteString(text(cmp.Or(l.Address, l.Instance)))
		if l.What != "instance" {
			b.WriteString(" ")
		}
	}
	if l.What != "instance" {
		b.WriteString(strings.ReplaceAll(l.What, "_", " "))
	}
	if l.Key != "" {
		b.WriteString(" " + text(l.Key))
	}
	switch {
	case l.From == "" && l.To == present:
		b.WriteString(" is new")
	case l.From == present && l.To == "":
		b.WriteString(" is gone")
	case l.From == "" && l.To != "" && l.Op == Tilde:
		fmt.Fprintf(&b, " unset -> %s", text(l.To))
	case l.From == "" && l.To != "":
		b.WriteString(" " + text(l.To))
	case l.From != "" && l.To == "":
		fmt.Fprintf(&b, " %s -> unset", text(l.From))
	case l.From != "":
		fmt.Fprintf(&b, " %s -> %s", text(l.From), text(l.To))
	}
	detail := text(l.Detail)
	if len(l.Checks) > 0 {
		checks := "check"
		for _, id := range l.Checks {
			checks += " " + quote.Name(id)
		}
		if detail != "" {
			detail += ": "
		}
		detail += checks
	}
	if detail != "" {
		b.WriteString(" (" + detail + ")")
	}
	return b.String()
}
