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

// markdown writes the results as a table for readers.
func (r report) markdown(w io.Writer) {
	fmt.Fprintf(w, "Measured %s, scale %s, %d CPUs shared by server and clients, %s, %d stream(s) a connection.\n",
		r.When.Format("2006-01-02"), r.Scale, r.CPUs, r.Go, r.PerConnection)
	fmt.Fprint(w, "Server CPU of the process, and its ratio to the floor in the same run.\n\n")
	fmt.Fprintln(w, "| workload | goal | Legate | floor | Legate | SnapshotCache | LinearCache |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|")
	for _, c := range r.Results {
		cells := []string{c.Case + ": " + c.What, c.Goal, c.Verdict}
		for _, name := range []string{floorName, legateName, stockName, linearName} {
			cells = append(cells, c.cell(name))
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
	}
}

// cell says what a contender did, or why not.
func (r result) cell(contender string) string {
	for _, row := range r.Rows {
		if row.Contender != contender {
			continue
		}
		var parts []string
		if row.CPUMillis > 0 {
			parts = append(parts, fmt.Sprintf("%.3g ms", row.CPUMillis))
		}
		if row.CPURatio > 0 && contender != floorName {
			parts = append(parts, fmt.Sprintf("%.2f ×", row.CPURatio))
		}
		if row.PeakRatio > 0 && contender != floorName {
			parts = append(parts, fmt.Sprintf("peak RSS %.2f ×", row.PeakRatio))
		}
		if row.P99Millis > 0 {
			parts = append(parts, fmt.Sprintf("p50 %.1f ms, p99 %.1f ms", row.P50Millis, row.P99Millis))
		}
		if row.RSSMB > 0 {
			parts = append(parts, fmt.Sprintf("%.0f MB, %.0f KB a stream", row.RSSMB, row.PerStreamKB))
		}
		return cmp.Or(strings.Join(parts, ", "), row.Note, "–")
	}
	return "–"
}
