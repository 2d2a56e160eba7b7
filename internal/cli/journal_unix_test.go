//go:build unix

package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// For systemd's journal each line begins with the priority of its record, including the line with
// which the program fails. A redirected log has no prefixes.
func TestTheJournalHearsHowGraveALineIs(t *testing.T) {
	run := func(journal bool, do func(p *program, log *slog.Logger)) string {
		t.Helper()
		f, err := os.Create(filepath.Join(t.TempDir(), "log"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		stat := info.Sys().(*syscall.Stat_t)
		stream := fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
		if !journal {
			stream = fmt.Sprintf("%d:%d", stat.Dev, stat.Ino+1)
		}
		p := &program{out: f, err: f, getenv: func(key string) string { return map[string]string{"JOURNAL_STREAM": stream}[key] }}
		var o logOptions
		o.settings()
		o.level = "debug"
		log, _ := o.logger(p.err, p.getenv)
		do(p, log)
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	all := func(_ *program, log *slog.Logger) {
		log = log.With("a", 1).WithGroup("g")
		log.Debug("d")
		log.Info("i")
		log.Warn("w", "b", "two\nlines")
		log.Error("e")
	}
	for journal, want := range map[bool]string{true: "<7>{ <6>{ <4>{ <3>{", false: "{ { { {"} {
		var begins []string
		said := run(journal, all)
		for line := range strings.Lines(said) {
			before, _, _ := strings.Cut(line, "{")
			begins = append(begins, before+"{")
		}
		if strings.Join(begins, " ") != want {
			t.Errorf("journal %v:\n%s", journal, said)
		}
	}
	wrong := func(p *program, _ *slog.Logger) { p.run(context.Background(), []string{"legate", "serv"}) }
	if said := run(true, wrong); !strings.HasPrefix(said, "<3>legate: unknown command") {
		t.Errorf("%q", said)
	}
	if said := run(false, wrong); !strings.HasPrefix(said, "legate: unknown command") {
		t.Errorf("%q", said)
	}
}
