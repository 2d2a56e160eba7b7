package logs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
)

// desk is a logger, its output and its clock.
type desk struct {
	*slog.Logger
	*Handler
	paper bytes.Buffer
	now   time.Time
}

func newDesk(change ...func(*Config)) *desk {
	d := &desk{now: time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)}
	config := DefaultConfig()
	for _, c := range change {
		c(&config)
	}
	d.Handler = New(slog.NewJSONHandler(&d.paper, &slog.HandlerOptions{Level: slog.LevelDebug}), config)
	d.Handler.now = func() time.Time { return d.now }
	d.Logger = slog.New(d.Handler)
	return d
}

// lines returns the lines that were written since the last call.
func (d *desk) lines(t *testing.T) (all []map[string]any) {
	t.Helper()
	for line := range bytes.Lines(d.paper.Bytes()) {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, m)
	}
	d.paper.Reset()
	return all
}

func TestEachKindHasSoManyLinesAMinuteAndOneThatSumsUpTheRest(t *testing.T) {
	d := newDesk()
	most := DefaultConfig().Lines
	flood := func(n int) {
		for i := range n {
			d.Warn("client refused", "peer", i)
			d.With("a", 1).WithGroup("g").Info("another") // shares the limit of its place
		}
	}
	flood(1000)
	d.Error("of another kind")
	if got := len(d.lines(t)); got != 2*most+1 {
		t.Errorf("%d lines, want %d", got, 2*most+1)
	}
	d.now = d.now.Add(time.Minute)
	d.sumUp(d.now.Add(-time.Minute))
	sums := d.lines(t)
	if len(sums) != 2 {
		t.Fatalf("%d sums: %v", len(sums), sums)
	}
	for _, s := range sums {
		left := s["left_out"]
		if group, in := s["g"].(map[string]any); in {
			left = group["left_out"]
		} else if s["peer"] != float64(most) {
			t.Errorf("it speaks of %v, want the first that was left out", s["peer"])
		}
		if left != float64(1000-most) || s["time"] != "2026-11-27T03:01:00Z" {
			t.Errorf("%v", s)
		}
	}
	flood(most + 1)
	if got := len(d.lines(t)); got != 2*most {
		t.Errorf("in the next minute: %d lines", got)
	}
	d.Flush()
	if got := d.lines(t); len(got) != 2 {
		t.Errorf("at the end: %v", got)
	}
	d.now = d.now.Add(time.Hour)
	d.sumUp(d.now)
	if len(d.lines(t)) != 0 || len(d.kinds)+len(d.places) != 0 {
		t.Errorf("something is remembered for ever: %v %v", d.kinds, d.places)
	}
}

func TestASumIsWrittenWithTheNextLineOfItsKindEvenIfNothingRuns(t *testing.T) {
	d := newDesk(func(c *Config) { c.Lines = 1 })
	for range 3 {
		for range 5 {
			d.Warn("refused")
		}
		d.now = d.now.Add(time.Minute)
	}
	var left []any
	for _, l := range d.lines(t) {
		left = append(left, l["left_out"])
	}
	if !slices.Equal(left, []any{nil, 4.0, nil, 4.0, nil}) {
		t.Errorf("%v", left)
	}
}

func TestRunSumsUp(t *testing.T) {
	d := newDesk(func(c *Config) { c.Lines, c.Every = 1, 20*time.Millisecond })
	d.Handler.now = time.Now
	d.Warn("refused")
	d.admit(slog.NewRecord(time.Now(), slog.LevelWarn, "other", 7), d.to)
	d.admit(slog.NewRecord(time.Now(), slog.LevelWarn, "other", 7), d.to)
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	d.Run(ctx)
	if got := d.lines(t); len(got) != 2 || got[1]["left_out"] != 1.0 {
		t.Errorf("%v", got)
	}
}

// A message that contains text of others is bounded too, as a library's may be.
func TestAMessageThatOthersMakeIsNoWayPast(t *testing.T) {
	d := newDesk()
	for i := range 10_000 {
		d.Warn(fmt.Sprint("tls handshake error from 10.0.0.7:", i))
	}
	if got, most := len(d.lines(t)), messagesOfAPlace+DefaultConfig().Lines; got > most {
		t.Errorf("%d lines, more than %d", got, most)
	}
	if len(d.kinds) > messagesOfAPlace+1 {
		t.Errorf("%d kinds are remembered", len(d.kinds))
	}
}

func TestWhoLogsAtDebugLevelSeesMoreButNotAll(t *testing.T) {
	d := newDesk()
	for range 10_000 {
		d.Debug("request")
	}
	if got := len(d.lines(t)); got != DefaultConfig().DebugLines {
		t.Errorf("%d lines", got)
	}
}

type named string

func (n named) String() string { return "named " + string(n) }

func TestWhateverOthersSayALineIsShortAndPrintable(t *testing.T) {
	evil := "web\n2026 WARN forged\x1b[31m\x07\u0085\u009b\u202egpj.exe\u200b\xff"
	long := strings.Repeat("é", 2<<20)
	many := slices.Repeat([]string{evil}, 100_000)
	d := newDesk()
	d.With("with", evil, "long", long).Warn(evil, "text", evil, "long", long, "error", errors.New(evil+long), "names", many,
		"stringer", named(evil), "any", struct{ A string }{evil}, "addresses", slices.Repeat([]netip.Addr{netip.IPv6Loopback()}, 100_000),
		"few", []string{"a"}, "none", []string(nil), "nil", nil, slog.Group("group", "in", evil, "long", long))
	line := d.paper.String()
	if len(line) > 40_000 {
		t.Errorf("the line has %d bytes", len(line))
	}
	for _, r := range strings.TrimSuffix(line, "\n") {
		if !unicode.IsPrint(r) {
			t.Fatalf("%U in %.500s", r, line)
		}
	}
	m := d.lines(t)[0]
	if m["msg"] != `web\n2026 WARN forged\x1b[31m\a\u0085\u009b\u202egpj.exe\u200b\xff` {
		t.Errorf("%q", m["msg"])
	}
	if s := m["long"].(string); !strings.HasSuffix(s, "é… (4194304 bytes)") || len(s) > 1100 {
		t.Errorf("%d bytes: %s", len(s), s[len(s)-50:])
	}
	if names := m["names"].([]any); len(names) != 21 || names[20] != "and 99980 more" {
		t.Errorf("%d names: %v", len(names), names[len(names)-1])
	}
	if s := m["addresses"].(string); !strings.HasSuffix(s, "and 99980 more") {
		t.Errorf("%s", s)
	}
	if fmt.Sprint(m["few"], m["none"], m["nil"]) != "[a] [] <nil>" {
		t.Errorf("%v %v %v", m["few"], m["none"], m["nil"])
	}
}

func TestWhatIsFitIsLeftAsItIs(t *testing.T) {
	d := newDesk()
	d.Info("catalog is complete", "services", 3, "kept", []netip.Addr{netip.IPv6Loopback()}, "seconds", 0.5, "in", time.Second, "name", "größe 日本")
	m := d.lines(t)[0]
	for key, want := range map[string]string{"services": "3", "kept": "[::1]", "seconds": "0.5", "in": "1e+09", "name": "größe 日本"} {
		if got := fmt.Sprint(m[key]); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
}
