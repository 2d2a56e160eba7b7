package live

import (
	"regexp"
	"strconv"
	"time"
)

// Pace is how much faster time passes than on the dashboards and in the rules.
const Pace = 30

// Minute is how long a minute of the dashboards and of the rules lasts.
const Minute = time.Minute / Pace

// Interval is how often Legate is scraped, and rules are evaluated: the 15 seconds of
// examples/grafana/prometheus.yml.
const Interval = 15 * time.Second / Pace

var (
	duration = regexp.MustCompile(`\b(\d+)([smhd])\b`)
	number   = regexp.MustCompile(`\b\d{2,}\b`)
)

// spans are the whole numbers in queries that are so many seconds of the clock.
var spans = map[string]bool{"90": true, "180": true, "300": true, "3600": true, "259200": true, "2592000": true}

// others are those that are not: how many lines a table has, how many seconds a minute has in a rate
// that is shown by the minute, hours in a day, milliseconds in a second, per cent.
var others = map[string]bool{"10": true, "20": true, "24": true, "60": true, "1000": true, "100": true}

// Hasten returns a query, or a file with rules, in which each span of time is shorter by Pace.
func Hasten(text string) string {
	text = duration.ReplaceAllStringFunc(text, func(span string) string {
		m := duration.FindStringSubmatch(span)
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return span
		}
		unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[m[2]]
		return strconv.FormatInt((time.Duration(n)*unit/Pace).Milliseconds(), 10) + "ms"
	})
	return number.ReplaceAllStringFunc(text, func(n string) string {
		if !spans[n] {
			return n
		}
		seconds, err := strconv.ParseFloat(n, 64)
		if err != nil {
			return n
		}
		return strconv.FormatFloat(seconds/Pace, 'f', -1, 64)
	})
}
