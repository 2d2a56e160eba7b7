package cli

import (
	"io"
	"log/slog"
	"os"
)

// logOptions choose what is logged and how.
type logOptions struct {
	level  string
	format string
	now    *slog.LevelVar // what the level is; it can change
}

func (o *logOptions) settings() []*setting {
	o.level, o.format, o.now = "info", "auto", new(slog.LevelVar)
	return []*setting{
		choice(&o.level, []string{"debug", "info", "warn", "error"}, setting{
			name: "log-level", env: "LEGATE_LOG_LEVEL", key: "log.level", category: "Log",
			usage: "Least severe records that are logged. debug shows each xDS exchange: type, version, nonce, names, error.",
		}),
		choice(&o.format, []string{"auto", "text", "json"}, setting{
			name: "log-format", env: "LEGATE_LOG_FORMAT", key: "log.format", category: "Log",
			usage: "How records look on standard error. auto: text on a terminal, otherwise JSON, one object a line. Under systemd each line begins with its priority, which the journal takes off.",
		}),
	}
}

// logger returns the logger that the options describe. What goes to systemd's journal says how
// grave it is.
func (o *logOptions) logger(w io.Writer, getenv func(string) string) *slog.Logger {
	o.now.Set(o.severity())
	opts := &slog.HandlerOptions{Level: o.now, ReplaceAttr: listed}
	handler := func(to io.Writer) slog.Handler {
		if o.format == "text" || o.format == "auto" && terminal(w) {
			return slog.NewTextHandler(to, opts)
		}
		return slog.NewJSONHandler(to, opts)
	}
	if toJournal(w, getenv) {
		return slog.New(newPrioritised(w, handler))
	}
	return slog.New(handler(w))
}

// listed writes a list of nothing as an empty one, which would be null in JSON otherwise.
func listed(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindAny {
		if list, is := a.Value.Any().([]string); is && list == nil {
			a.Value = slog.AnyValue([]string{})
		}
	}
	return a
}

// severity is the level of the least severe records.
func (o *logOptions) severity() slog.Level {
	return map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}[o.level]
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
