package chaos_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// table is all outcomes of a run.
type table []outcome

// keep writes the table so far to the folder of the logs.
func (t table) keep(tb testing.TB, began time.Time) {
	tb.Helper()
	if *results == "" {
		return
	}
	text := t.markdown(time.Since(began))
	must(tb, errors.Join(os.MkdirAll(*results, 0o755), os.WriteFile(filepath.Join(*results, "faults.md"), []byte(text), 0o644)))
}

func (o outcome) verdict() string {
	switch {
	case o.skipped != "":
		return "not injected: " + o.skipped
	case len(o.wrong) > 0:
		return "**FAILED**: " + strings.Join(o.wrong, "; ")
	}
	return "stood"
}

func (t table) markdown(took time.Duration) string {
	var b strings.Builder
	stood, failed, skipped := 0, 0, 0
	for _, o := range t {
		switch {
		case o.skipped != "":
			skipped++
		case len(o.wrong) > 0:
			failed++
		default:
			stood++
		}
	}
	fmt.Fprintf(&b, "%d faults in %v: %d stood, %d failed, %d not injected. Times are in seconds.\n\n", len(t), took.Round(time.Second), stood, failed, skipped)
	b.WriteString("| | fault | injected how | lasted | endpoints lost | requests failed | change arrives after | removal arrives after | goroutines | descriptors | connections | heap MB | resident MB | Legate counted | what happened |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, o := range t {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d | %d of %d | %s | %s | %d → %d | %d → %d | %d → %d | %d → %d | %d → %d | %s | %s |\n",
			o.group, o.name, o.how, seconds(o.lasted), len(o.lost)+o.moved, o.failed, o.sent,
			seconds(o.registered), seconds(o.deregistered), o.was.goroutines, o.is.goroutines, o.was.descriptors, o.is.descriptors,
			o.was.connections, o.is.connections, o.was.heap, o.is.heap, o.was.megabytes, o.is.megabytes, o.noticed, strings.ReplaceAll(o.verdict(), "|", "\\|"))
	}
	return b.String()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()) }

// alertTable is which alert fired in which fault, and after how many seconds.
type alertTable []string

func (rows *alertTable) add(a act, fired map[string]time.Duration) {
	for _, f := range a.faults {
		after := "**not**"
		if d, ok := fired[f.alert]; ok {
			after = seconds(d)
		}
		*rows = append(*rows, fmt.Sprintf("| %s | %s | %s |\n", f.alert, f.how, after))
	}
}

// keep writes the table to the folder of the results.
func (rows alertTable) keep(tb testing.TB) {
	tb.Helper()
	text := "| alert | fault | fired after |\n|---|---|---|\n" + strings.Join(rows, "")
	fmt.Println(text)
	if *results != "" {
		must(tb, errors.Join(os.MkdirAll(*results, 0o755), os.WriteFile(filepath.Join(*results, "alerts.md"), []byte(text), 0o644)))
	}
}
