package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// latest reads the results of the last run.
func latest(folder string) (r report, err error) {
	text, err := os.ReadFile(filepath.Join(folder, latestFile))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("read %q: %w", filepath.Join(folder, latestFile), err)
	}
	return r, nil
}

// markdown writes the results as the table in the README.
func (r report) markdown(w io.Writer) {
	fmt.Fprintln(w, "| workload | floor, CPU | Legate | `SnapshotCache` | `LinearCache` | goal |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|")
	for _, c := range r.Results {
		met, _, _ := strings.Cut(c.Verdict, ":")
		cells := []string{c.What}
		for _, name := range []string{floorName, legateName, stockName, linearName} {
			cells = append(cells, c.cell(name))
		}
		fmt.Fprintf(w, "| %s | %s: %s |\n", strings.Join(cells, " | "), c.Goal, met)
	}
	fmt.Fprintf(w, "\nMeasured %s with scale %s: server and clients on %d CPUs, %s, streams on a connection: %d.\n",
		r.When.Format("2 January 2006"), r.Scale, r.CPUs, r.Go, r.PerConnection)
}

// cell returns the result of a contender, or why there is none: CPU time for the floor, multiples
// of it for the others.
func (r result) cell(contender string) string {
	for _, row := range r.Rows {
		if row.Contender != contender {
			continue
		}
		var parts []string
		switch {
		case contender == floorName && row.CPUMillis > 0:
			parts = append(parts, short(row.CPUMillis)+" ms")
		case row.CPURatio > 0 && contender == legateName:
			parts = append(parts, "**"+short(row.CPURatio)+"**")
		case row.CPURatio > 0:
			parts = append(parts, short(row.CPURatio))
		}
		if row.PeakRatio > 0 && contender != floorName {
			parts = append(parts, "peak RSS "+short(row.PeakRatio))
		}
		if row.P99Millis > 0 {
			parts = append(parts, fmt.Sprintf("p50 %s ms, p99 %s ms", short(row.P50Millis), short(row.P99Millis)))
		}
		if row.RSSMB > 0 {
			parts = append(parts, fmt.Sprintf("%.0f MB, %.0f KB a stream", row.RSSMB, row.PerStreamKB))
		}
		return cmp.Or(strings.Join(parts, ", "), row.Note, "–")
	}
	return "–"
}

// short formats three digits, or all digits before the decimal point.
func short(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}
