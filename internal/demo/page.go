package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"legate/internal/quote"
)

// page writes the story: lines of at most 78 columns, with the time at the right edge.
type page struct {
	out   io.Writer
	live  bool
	color bool
	open  string // the current step, shown on a live page
}

// width is the length of a line. A step's text is padded up to its time.
const (
	width     = 78
	timeWidth = 9
)

// Colours, as ECMA-48 select graphic rendition.
const (
	bold  = "1"
	dim   = "2"
	red   = "31"
	green = "32"
)

func (p *page) paint(code, s string) string {
	if !p.color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p *page) title(s string) { fmt.Fprintf(p.out, "\n%s\n\n", p.paint(bold, s)) }

func (p *page) chapter(n int, s string) {
	fmt.Fprintf(p.out, "\n%s %s\n", p.paint(dim, fmt.Sprintf("%2d", n)), p.paint(bold, s))
}

// text writes lines as they are.
func (p *page) text(s string) { io.WriteString(p.out, s) }

// step begins a step that takes time.
func (p *page) step(format string, args ...any) {
	p.open = fmt.Sprintf(format, args...)
	if p.live {
		fmt.Fprintf(p.out, "   %s %s", p.paint(dim, "…"), p.open)
	}
}

// done ends the current step, with its duration.
func (p *page) done(took time.Duration) { p.told(p.open, took) }

// told ends the current step with its result.
func (p *page) told(s string, took time.Duration) {
	p.clear()
	p.line(p.paint(green, "✓"), s, duration(took))
}

// failed ends the current step, if there is one, as failed.
func (p *page) failed() {
	if p.open != "" {
		s := p.open
		p.clear()
		p.line(p.paint(red, "✗"), s, "")
	}
}

// share writes a line with a bar: an instance's share of the traffic.
func (p *page) share(name string, part float64, note string) {
	const full = 40
	n := int(part*full + 0.5)
	bar := p.paint(green, strings.Repeat("█", n)) + strings.Repeat(" ", full-n)
	fmt.Fprintf(p.out, "     %-8s%s %5.1f %%  %s\n", name, bar, part*100, note)
}

func (p *page) end(s string, took time.Duration) {
	fmt.Fprintln(p.out)
	p.line(p.paint(green, "✓"), s, duration(took))
}

func (p *page) clear() {
	if p.live && p.open != "" {
		io.WriteString(p.out, "\r\x1b[K") // go to the start of the line and erase it
	}
	p.open = ""
}

func (p *page) line(mark, s, took string) {
	pad := max(1, width-5-timeWidth-utf8.RuneCountInString(s))
	line := fmt.Sprintf("   %s %s%s%s", mark, s, strings.Repeat(" ", pad), p.paint(dim, fmt.Sprintf("%*s", timeWidth, took)))
	fmt.Fprintln(p.out, strings.TrimRight(line, " "))
}

// progress returns the writer for the output of downloads and builds.
func (p *page) progress() io.Writer { return progress{p} }

type progress struct{ p *page }

// Write ends the live line first, since downloads take long. It escapes what other programs (pip,
// go) write, so that it cannot control the terminal.
func (w progress) Write(b []byte) (int, error) {
	open := w.p.open
	w.p.clear()
	for line := range strings.Lines(string(b)) {
		fmt.Fprintf(w.p.out, "     %s\n", w.p.paint(dim, quote.Text(strings.TrimRight(line, "\r\n"), quote.TextBytes)))
	}
	if open != "" {
		w.p.step("%s", open)
	}
	return len(b), nil
}

// duration formats a time for people: 3.1 ms, 48 ms, 2.4 s.
func duration(d time.Duration) string {
	switch ms := float64(d) / float64(time.Millisecond); {
	case ms < 9.95:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 999.5:
		return fmt.Sprintf("%.0f ms", ms)
	default:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
}

// thousands formats 12345 as 12,345.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}
