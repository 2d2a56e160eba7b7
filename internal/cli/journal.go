package cli

import (
	"bytes"
	"context"
	"io"
	"log/slog"
)

// prioritised writes records for systemd's journal. Each line begins with its priority
// (sd-daemon(3)): <3> error, <4> warning, <6> info, <7> debug. The journal stores the priority and
// drops the prefix, so that "journalctl -p warning" works.
type prioritised struct{ by [4]slog.Handler }

// priorities are the syslog prefixes of the levels, in the order of prioritised.by.
var priorities = [4]string{"<7>", "<6>", "<4>", "<3>"}

// newPrioritised returns handlers for w. Each of them writes a record with a single Write.
func newPrioritised(w io.Writer, make func(io.Writer) slog.Handler) prioritised {
	var p prioritised
	for i, prefix := range priorities {
		p.by[i] = make(prefixed{w, []byte(prefix)})
	}
	return p
}

func (p prioritised) of(level slog.Level) slog.Handler {
	switch {
	case level >= slog.LevelError:
		return p.by[3]
	case level >= slog.LevelWarn:
		return p.by[2]
	case level >= slog.LevelInfo:
		return p.by[1]
	}
	return p.by[0]
}

func (p prioritised) Enabled(ctx context.Context, level slog.Level) bool {
	return p.of(level).Enabled(ctx, level)
}

func (p prioritised) Handle(ctx context.Context, r slog.Record) error {
	return p.of(r.Level).Handle(ctx, r)
}

func (p prioritised) WithAttrs(attrs []slog.Attr) slog.Handler {
	for i, h := range p.by {
		p.by[i] = h.WithAttrs(attrs)
	}
	return p
}

func (p prioritised) WithGroup(name string) slog.Handler {
	for i, h := range p.by {
		p.by[i] = h.WithGroup(name)
	}
	return p
}

// prefixed begins each line with a prefix. A line and its prefix are one Write, so lines of several
// writers do not mix.
type prefixed struct {
	io.Writer
	prefix []byte
}

func (w prefixed) Write(text []byte) (int, error) {
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		out.Write(w.prefix)
		out.Write(line)
	}
	if _, err := w.Writer.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(text), nil
}
