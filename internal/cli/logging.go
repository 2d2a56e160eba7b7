package cli

import (
	"io"
	"log/slog"
	"os"

	"legate/internal/logs"
)

// logOptions say what is logged and how.
type logOptions struct {
	level  string
	format string
	now    *slog.LevelVar // the current level; a reload can change it
}

func (o *logOptions) settings() []*setting {
	o.level, o.format, o.now = "info", "auto", new(slog.LevelVar)
	return []*setting{
		choice(&o.level, []string{"debug", "info", "warn", "error"}, setting{
			name: "log-level", env: "LEGATE_LOG_LEVEL", key: "log.level", category: "Log",
			usage: "Lowest level that is logged. debug shows each xDS exchange: type, version, nonce, names, error.",
		}),
		choice(&o.format, []string{"auto", "text", "json"}, setting{
			name: "log-format", env: "LEGATE_LOG_FORMAT", key: "log.format", category: "Log",
			usage: "Format of the log on standard error. auto: text on a terminal, otherwise JSON, one object a line. Under systemd each line begins with its priority, which the journal removes.",
		}),
	}
}

// logger returns the logger and the handler that bounds its output: see [logs.Handler]. Output to
// systemd's journal has priorities.
func (o *logOptions) logger(w io.Writer, getenv func(string) string) (*slog.Logger, *logs.Handler) {
	o.now.Set(o.severity())
	opts := &slog.HandlerOptions{Level: o.now}
	handler := func(to io.Writer) slog.Handler {
		if o.format == "text" || o.format == "auto" && terminal(w) {
			return slog.NewTextHandler(to, opts)
		}
		return slog.NewJSONHandler(to, opts)
	}
	to := handler(w)
	if toJournal(w, getenv) {
		to = newPrioritised(w, handler)
	}
	bounded := logs.New(to, logs.DefaultConfig())
	return slog.New(bounded), bounded
}

// severity is the lowest level that is logged.
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
