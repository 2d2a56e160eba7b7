package policy

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time span. It is written as Go and Envoy do: 250ms, 5s, 1m30s.
type Duration time.Duration

// String is the span in its shortest spelling: 1m, not 1m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func parseDuration(s string) (Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%s is no time span: write a number and its unit, such as 250ms, 5s or 1m30s", quote(s))
	}
	return Duration(d), nil
}

// Percent is a share, 0 to 100. It is written 25% or 25.
type Percent float64

// String is the share with its sign.
func (p Percent) String() string { return strconv.FormatFloat(float64(p), 'g', -1, 64) + "%" }

func parsePercent(s string) (Percent, error) {
	n, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(s, "%")), 64)
	if err != nil || n != n {
		return 0, fmt.Errorf("%s is no percentage: write a number from 0 to 100, such as 25%%", quote(s))
	}
	return Percent(n), nil
}

// Size is a number of bytes. It is written as a number, or with KiB, MiB or GiB.
type Size uint64

// The units of a size, the largest first.
var units = []struct {
	name  string
	bytes uint64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// String uses the largest unit that leaves a whole number.
func (s Size) String() string {
	for _, u := range units {
		if s > 0 && uint64(s)%u.bytes == 0 {
			return strconv.FormatUint(uint64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatUint(uint64(s), 10)
}

func parseSize(s string) (Size, error) {
	number, factor := s, uint64(1)
	for _, u := range units {
		if cut, has := strings.CutSuffix(s, u.name); has {
			number, factor = strings.TrimSpace(cut), u.bytes
		}
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || n > 1<<32 {
		return 0, fmt.Errorf("%s is no size: write a whole number of bytes, or one with KiB, MiB or GiB, such as 64KiB", quote(s))
	}
	return Size(n * factor), nil
}

// quote shows a value that came from outside, cut to what fits a line.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.Quote(s[:most]) + "..."
	}
	return strconv.Quote(s)
}
