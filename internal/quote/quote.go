// Package quote makes untrusted text safe to show: names in Consul, node ids, error messages of
// Consul and of clients. Anybody who can register a service or connect chooses such text.
//
// What a caller may rely on:
//
//   - [Name] and [Text] return one line of printable characters: no terminal escape sequence, no
//     newline, no mark that changes the direction of the text after it.
//   - The length of the result is bounded, whatever the input.
//   - Different texts look different: nothing is dropped silently.
package quote

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Size limits of a text in bytes. Longer text is cut.
const (
	NameBytes = 256  // a name shown to people: names that are served have 255 at most
	TextBytes = 1024 // a sentence shown to people
	DataBytes = 4096 // one text read by programs
)

// Name makes a name safe to show. It is quoted and escaped if it has spaces, quotes or unprintable
// characters.
func Name(s string) string {
	head, rest := split(s, NameBytes)
	if strings.ContainsFunc(head, odd) || !utf8.ValidString(head) {
		head = strconv.Quote(head)
	}
	return head + rest
}

func odd(r rune) bool { return r == ' ' || r == '"' || !unicode.IsPrint(r) }

// Text makes a sentence safe to show. It is cut to that many bytes, and unprintable characters are
// escaped as in a Go string.
func Text(s string, most int) string {
	head, rest := split(s, most)
	if !strings.ContainsFunc(head, unprintable) && utf8.ValidString(head) {
		return head + rest
	}
	var out strings.Builder
	for len(head) > 0 {
		r, size := utf8.DecodeRuneInString(head)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, head[0])
		case unprintable(r):
			escaped := strconv.QuoteRune(r)
			out.WriteString(escaped[1 : len(escaped)-1])
		default:
			out.WriteRune(r)
		}
		head = head[size:]
	}
	return out.String() + rest
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// Cut shortens text for programs to that many bytes. It escapes nothing.
func Cut(s string, most int) string {
	head, rest := split(s, most)
	return head + rest
}

// split cuts a text that is too long between two characters. The rest says how long it was.
func split(s string, most int) (head, rest string) {
	if len(s) <= most {
		return s, ""
	}
	at := most
	for at > 0 && at > most-utf8.UTFMax && !utf8.RuneStart(s[at]) {
		at--
	}
	return s[:at], fmt.Sprintf("… (%d bytes)", len(s))
}

// JSON escapes the unprintable characters of encoded JSON. They occur in strings only, where an
// escape means the same.
func JSON(text []byte) []byte {
	return escaped(text, func(out *bytes.Buffer, r rune) {
		high, low := utf16.EncodeRune(r)
		fmt.Fprintf(out, `\u%04x\u%04x`, high, low)
	})
}

// YAML is JSON for a text that is read as YAML, which has no surrogate pairs.
func YAML(json []byte) []byte {
	return escaped(json, func(out *bytes.Buffer, r rune) { fmt.Fprintf(out, `\U%08x`, r) })
}

func escaped(text []byte, long func(*bytes.Buffer, rune)) []byte {
	if !bytes.ContainsFunc(text, hidden) {
		return text
	}
	var out bytes.Buffer
	for _, r := range string(text) {
		switch {
		case !hidden(r):
			out.WriteRune(r)
		case r > 0xffff:
			long(&out, r)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.Bytes()
}

// hidden reports whether a character must be escaped. Encoders have already escaped those below a
// space within strings, and otherwise write such characters only between values.
func hidden(r rune) bool { return r > '~' && !unicode.IsPrint(r) }
