// Package glob has the one kind of pattern that Legate's settings know: * stands for any run of
// characters, also for none, and ? for any one. No other character means anything but itself, a slash
// and a bracket neither.
package glob

import (
	"strings"
	"unicode/utf8"
)

// Match reports whether the pattern stands for all of the text. It takes at most the product of both
// lengths, whatever they hold.
func Match(pattern, text string) bool {
	star, reached := "", "" // what follows the last *, and the text behind what that * stands for
	seen := false           // a *
	for text != "" {
		_, size := utf8.DecodeRuneInString(text)
		switch {
		case strings.HasPrefix(pattern, "*"):
			pattern = pattern[1:]
			star, reached, seen = pattern, text, true
		case strings.HasPrefix(pattern, "?"):
			pattern, text = pattern[1:], text[size:]
		case strings.HasPrefix(pattern, text[:size]):
			pattern, text = pattern[size:], text[size:]
		case seen: // it stands for one character more
			_, size := utf8.DecodeRuneInString(reached)
			reached = reached[size:]
			pattern, text = star, reached
		default:
			return false
		}
	}
	return strings.Trim(pattern, "*") == ""
}
