package demo

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestTimesAreWrittenAsPeopleReadThem(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                         "0.0 ms",
		3140 * time.Microsecond:   "3.1 ms",
		9960 * time.Microsecond:   "10 ms",
		48 * time.Millisecond:     "48 ms",
		999600 * time.Microsecond: "1.0 s",
		2449 * time.Millisecond:   "2.4 s",
		83 * time.Second:          "83.0 s",
	} {
		if got := duration(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestThousandsAreSeparated(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestALivePageReplacesTheStepByItsEnd(t *testing.T) {
	var out strings.Builder
	p := &page{out: &out, live: true}
	p.step("Consul")
	fmt.Fprintln(p.progress(), "downloading")
	p.done(time.Second)
	// A terminal shows of each line what follows the last erasure.
	var shown []string
	for line := range strings.Lines(out.String()) {
		shown = append(shown, strings.Fields(line[strings.LastIndex(line, "\x1b[K")+1:])...)
	}
	if got := strings.Join(shown, " "); got != "[K downloading [K ✓ Consul 1.0 s" {
		t.Errorf("shown: %q", got)
	}
}

func TestAFailedStepIsMarked(t *testing.T) {
	var out strings.Builder
	p := &page{out: &out}
	p.step("Consul")
	p.failed()
	if got := strings.TrimSpace(out.String()); got != "✗ Consul" {
		t.Errorf("shown: %q", got)
	}
}
