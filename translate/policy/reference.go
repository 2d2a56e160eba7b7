package policy

import (
	"fmt"
	"strings"
)

// Reference is the table of all fields for docs/policy.md, in Markdown.
func Reference() string {
	var b strings.Builder
	b.WriteString("| field | value | what it does | owner's meta |\n|---|---|---|---|\n")
	for _, f := range Fields() {
		b.WriteString(f.row(f.Path, true))
	}
	for _, list := range []struct {
		name   string
		fields []*Field
	}{{"health_checks", CheckFields()}, {"subsets.selectors", SelectorFields()}} {
		fmt.Fprintf(&b, "\nEach of `%s` has:\n\n| field | value | what it does |\n|---|---|---|\n", list.name)
		for _, f := range list.fields {
			b.WriteString(f.row(f.Path, false))
		}
	}
	return b.String()
}

func (f *Field) row(name string, meta bool) string {
	value := f.Kind
	switch {
	case len(f.Values) > 0:
		value = "`" + strings.Join(f.Values, "`, `") + "`"
	case f.Low != "":
		value += fmt.Sprintf(", %s to %s", f.Low, f.High)
	}
	row := fmt.Sprintf("| `%s` | %s | %s |", name, value, f.Doc)
	if meta && f.Owner {
		row += " `" + f.Meta() + "` |"
	} else if meta {
		row += " – |"
	}
	return row + "\n"
}
