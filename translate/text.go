package translate

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// maxName bounds names in bytes. Neither Consul nor Envoy has a limit; 255 is what DNS could
// carry, and keeps one registration from weighing on every statistic and every request log.
const maxName = 255

// unfit says why s cannot be a name on the wire, or nothing if it can. Protobuf strings are
// UTF-8, and a control character in a name ends up in logs, headers and statistics.
func unfit(s string) string {
	switch {
	case s == "":
		return "empty"
	case len(s) > maxName:
		return "longer than " + strconv.Itoa(maxName) + " bytes"
	case !utf8.ValidString(s):
		return "not UTF-8"
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return "has a control character"
		}
	}
	return ""
}

// quote shows a value that came from the network, cut to what fits a line of a log.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.Quote(s[:most]) + "..."
	}
	return strconv.Quote(s)
}
