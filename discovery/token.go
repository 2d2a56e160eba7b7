package discovery

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// token is the ACL token that goes with the next request. A token file is looked at again when
// its time or size changed. A file that cannot be read, or is empty for a moment while it is
// written, leaves the last good token in place: one line is logged, not one per request.
type token struct {
	file string
	log  *slog.Logger

	mu       sync.Mutex
	value    string
	modified time.Time
	size     int64
	bad      bool
}

// newToken fails if there is a file and nothing can be read from it: that is a mistake to
// report at start, not one to wait out.
func newToken(value, file string, log *slog.Logger) (*token, error) {
	t := &token{file: file, log: log}
	var err error
	if t.value, err = tokenIn(value); err != nil {
		return nil, fmt.Errorf("consul token: %w", err)
	}
	if file == "" {
		return t, nil
	}
	if err := t.reload(); err != nil {
		return nil, fmt.Errorf("read consul token file %q: %w", file, err)
	}
	return t, nil
}

// current is the token to send now.
func (t *token) current() string {
	if t.file == "" {
		return t.value
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.reload()
	if err != nil && !t.bad {
		t.log.Warn("consul token file is unusable, keeping the last token", "file", t.file, "error", err)
	}
	t.bad = err != nil
	return t.value
}

func (t *token) reload() error {
	info, err := os.Stat(t.file)
	if err != nil {
		return err
	}
	if info.ModTime().Equal(t.modified) && info.Size() == t.size {
		return nil
	}
	data, err := os.ReadFile(t.file)
	if err != nil {
		return err
	}
	value, err := tokenIn(string(data))
	if err == nil && value == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return err
	}
	if t.value != "" && value != t.value && !t.modified.IsZero() {
		t.log.Info("consul token file was read again", "file", t.file)
	}
	t.value, t.modified, t.size = value, info.ModTime(), info.Size()
	return nil
}

// tokenIn is the token in a text that may have white space around it, as files have, and variables
// that were made of files. An error says what is wrong with the text, and never what is in it.
func tokenIn(text string) (string, error) {
	value := strings.TrimSpace(text)
	switch {
	case strings.ContainsAny(value, "\r\n"):
		return "", errors.New("it has more than one line: write the token alone there")
	case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", errors.New("it has a space, or another character that no token has: write the token alone there")
	}
	return value, nil
}
