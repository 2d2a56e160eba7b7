// Package glob matches the patterns of Legate's settings: * stands for any run of characters,
// including none, and ? for exactly one. Every other character stands for itself, slashes and
// brackets included.
package glob

import (
	"strings"
	"unicode/utf8"
)

// Match reports whether the pattern matches the whole text. Its time is bounded by the product of
// both lengths.
func Match(pattern, text string) bool {
	star, reached := "", "" // the pattern after the last *, and the text after what that * matches so far
	seen := false           // whether there was a *
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
		case seen: // let the last * match one more character
			_, size := utf8.DecodeRuneInString(reached)
			reached = reached[size:]
			pattern, text = star, reached
		default:
			return false
		}
	}
	return strings.Trim(pattern, "*") == ""
}
