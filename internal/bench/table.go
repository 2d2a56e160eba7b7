package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// trimmed removes spaces at the ends of lines.
type trimmed struct {
	w    io.Writer
	line []byte
}

func (t *trimmed) Write(p []byte) (int, error) {
	for _, b := range p {
		if b != '\n' {
			t.line = append(t.line, b)
			continue
		}
		if _, err := t.w.Write(append(bytes.TrimRight(t.line, " "), '\n')); err != nil {
			return 0, err
		}
		t.line = t.line[:0]
	}
	return len(p), nil
}

// print writes a case as a table for people.
func (r result) print(w io.Writer) {
	fmt.Fprintf(w, "%s  %s\n", r.Case, r.What)
	fmt.Fprintf(w, "    goal %s: %s\n", r.Goal, r.Verdict)
	type column struct {
		head string
		text func(row) string
	}
	number := func(format string, get func(row) float64) func(row) string {
		return func(r row) string {
			if get(r) == 0 {
				return ""
			}
			return fmt.Sprintf(format, get(r))
		}
	}
	columns := []column{
		{"", func(r row) string { return r.Contender }},
		{"CPU ms", number("%.2f", func(r row) float64 { return r.CPUMillis })},
		{"× " + r.base(), number("%.2f", func(r row) float64 { return r.CPURatio })},
		{"wall ms", number("%.1f", func(r row) float64 { return r.WallMillis })},
		{"× " + r.base(), number("%.2f", func(r row) float64 { return r.WallRatio })},
		{"bytes/stream", number("%.0f", func(r row) float64 { return r.BytesPerStream })},
		{"peak MB", number("%.0f", func(r row) float64 { return r.PeakMB })},
		{"× " + r.base(), number("%.2f", func(r row) float64 { return r.PeakRatio })},
		{"grown MB", number("%.1f", func(r row) float64 { return r.GrownMB })},
		{"p50 ms", number("%.1f", func(r row) float64 { return r.P50Millis })},
		{"p99 ms", number("%.1f", func(r row) float64 { return r.P99Millis })},
		{"heap MB", number("%.1f", func(r row) float64 { return r.HeapMB })},
		{"RSS MB", number("%.1f", func(r row) float64 { return r.RSSMB })},
		{"heap KB/stream", number("%.1f", func(r row) float64 { return r.HeapStreamKB })},
		{"RSS KB/stream", number("%.1f", func(r row) float64 { return r.PerStreamKB })},
		{"samples", number("%.0f", func(r row) float64 { return float64(r.Samples) })},
		{"", func(r row) string { return r.Note }},
	}
	var used []column
	for _, c := range columns {
		for _, row := range r.Rows {
			if c.text(row) != "" {
				used = append(used, c)
				break
			}
		}
	}
	t := tabwriter.NewWriter(&trimmed{w: w}, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(text func(column) string) {
		cells := make([]string, len(used))
		for i, c := range used {
			cells[i] = text(c)
		}
		fmt.Fprintf(t, "    %s\t\n", strings.Join(cells, "\t"))
	}
	line(func(c column) string { return c.head })
	for _, row := range r.Rows {
		line(func(c column) string { return c.text(row) })
	}
	_ = t.Flush() // the output may be a closed terminal
	fmt.Fprintln(w)
}
