package admin

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"legate/discovery"
	"legate/xdsserver"
)

// short returns the short name of a type URL.
func short(typeURL string) string {
	return cmp.Or(xdsserver.Word(typeURL), typeURL[strings.LastIndexByte(typeURL, '.')+1:])
}

// lost says why a loss is held: what makes it suspicious.
func lost(why string) string {
	switch why {
	case "emptied":
		return "the last instances"
	case "shrunk":
		return "most instances"
	case "catalog":
		return "much of the datacenter"
	case "datacenter":
		return "most of the datacenter"
	case "doubted":
		return "instances that a doubtful answer lacks"
	case "entry":
		return "a config entry"
	case "entry_hidden":
		return "the right to read a config entry"
	case "entry_reverted":
		return "a config entry's newer state"
	case "site":
		return "a datacenter or a peer that Consul lists no longer"
	case "entries":
		return "many config entries"
	}
	return why
}

// deselected says how many instances of a hold still exist but are no longer selected; empty if
// none.
func deselected(h discovery.Hold) string {
	switch h.Deselected {
	case 0:
		return ""
	case 1:
		return "1 lost its tags"
	}
	return fmt.Sprintf("%d lost their tags", h.Deselected)
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if stem, y := strings.CutSuffix(one, "y"); y {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// mib formats an amount of memory.
func mib(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

// ago says how long before now t was.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	if d := now.Sub(t); d >= time.Second {
		return span(d) + " ago"
	}
	return "just now"
}

// span formats a duration in one or two units.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return "under 1 s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// age says how old something is. A negative age means that a clock was changed.
func age(d time.Duration) string {
	if d < 0 {
		return "dated " + span(-d) + " ahead of this machine's clock"
	}
	return span(d) + " old"
}

// Span formats a duration in one or two units.
func Span(d time.Duration) string { return span(d) }
