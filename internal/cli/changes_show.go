package cli

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"legate/internal/admin"
	"legate/internal/compare"
	"legate/internal/quote"
)

// whole writes all that is known of one change.
func (s changesSight) whole(c admin.Changed) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s  %s, at %s\n", c.ID, c.Name(), clockOf(c.At))
	for _, line := range c.Texts() {
		sign, _, _ := strings.Cut(line, " ")
		fmt.Fprintf(&b, "  %s\n", paint(s.colour, compare.Sign(sign), line))
	}
	if c.Index > 0 {
		fmt.Fprintf(&b, "index of Consul: %d\n", c.Index)
	}
	_, verdict := c.Verdict()
	fmt.Fprintln(&b, verdict)
	d := c.Delivery
	if d == nil {
		_, err := s.p.out.Write(b.Bytes())
		return err
	}
	until := time.Now()
	if !d.Overtaken.IsZero() {
		until = d.Overtaken
		by := ""
		if d.OvertakenBy.Number > 0 {
			by = " by " + d.OvertakenBy.String()
		}
		fmt.Fprintf(&b, "overtaken%s at %s: what follows is as it was then\n", by, clockOf(d.Overtaken))
	}
	if len(d.Missing) > 0 {
		table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "NODE\tSTATE\tOF\tFOR\tWHY")
		for _, m := range d.Missing {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", quote.Name(cmp.Or(m.Node, "(no id)")), m.State, m.Type, until.Sub(m.Since).Round(time.Millisecond), quote.Text(m.Why, quote.TextBytes))
		}
		if err := table.Flush(); err != nil {
			return err
		}
		if more := d.MissingCount - len(d.Missing); more > 0 {
			fmt.Fprintf(&b, "and %d more\n", more)
		}
	}
	_, err := s.p.out.Write(b.Bytes())
	return err
}
