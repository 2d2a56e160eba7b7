package cli

import "strings"

// sheet is where a command writes for people: a terminal, or a file or another program.
type sheet struct {
	*program
	width  int  // of the terminal in columns; 0: what is written is not a terminal's, so no line is broken or cut
	colour bool // https://no-color.org
}

func (p *program) sheet() *sheet {
	if !terminal(p.out) {
		return &sheet{program: p}
	}
	return &sheet{program: p, width: columns(p.out), colour: p.getenv("NO_COLOR") == "" && p.getenv("TERM") != "dumb"}
}

// The colours of a terminal: https://en.wikipedia.org/wiki/ANSI_escape_code#Colors
const (
	red    = "31"
	green  = "32"
	yellow = "33"
)

func (s *sheet) paint(colour, text string) string {
	if !s.colour || colour == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// indented breaks a text into lines that are indented by so many columns.
func (s *sheet) indented(by int, text string) string {
	width := 1 << 20
	if s.width > 0 {
		width = max(s.width-by, 20)
	}
	return strings.Repeat(" ", by) + strings.Join(wrap(text, width), "\n"+strings.Repeat(" ", by))
}
