// Package quote makes text from outside fit to be shown: names in Consul, node ids, what Consul and
// clients say. Anybody who may register a service, or connect, chooses such text.
//
// What a caller may rely on:
//
//   - What [Name] and [Text] return is one line of printable characters: no escape sequence for a
//     terminal, no newline that begins a line of its own, no mark that turns the direction of what
//     follows.
//   - Its length is bounded, whatever it was made of.
//   - What looks alike is told apart: nothing is dropped in silence.
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

// How long text may be, in bytes, before it is cut.
const (
	NameBytes = 256  // a name for people: names that are served have 255 at most
	TextBytes = 1024 // a sentence for people
	DataBytes = 4096 // one text for programs
)

// Name is a name for people: as it is, or in quotes and with escapes if it has spaces, quotes, or
// anything that is not printable.
func Name(s string) string {
	head, rest := split(s, NameBytes)
	if strings.ContainsFunc(head, odd) || !utf8.ValidString(head) {
		head = strconv.Quote(head)
	}
	return head + rest
}

func odd(r rune) bool { return r == ' ' || r == '"' || !unicode.IsPrint(r) }

// Text is a sentence for people, of so many bytes at most before it is cut. What is not printable
// is escaped, as in a string of Go.
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

// Cut is text for programs: as it is, and cut beyond so many bytes.
func Cut(s string, most int) string {
	head, rest := split(s, most)
	return head + rest
}

// split cuts a text that is too long, between two characters, and says how long it was.
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

// JSON is the same JSON without a character that is not printable: those can stand in strings only,
// where an escape means the same.
func JSON(text []byte) []byte {
	return escaped(text, func(out *bytes.Buffer, r rune) {
		high, low := utf16.EncodeRune(r)
		fmt.Fprintf(out, `\u%04x\u%04x`, high, low)
	})
}

// YAML does to JSON what JSON does, for who reads it as YAML: that has no pairs of surrogates.
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

// hidden reports whether a character of JSON has to be escaped: what encodes JSON has escaped those
// below a space in strings, and makes others of them only between values.
func hidden(r rune) bool { return r > '~' && !unicode.IsPrint(r) }
