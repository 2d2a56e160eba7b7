package parts

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// keptLogs is how many logs of failed starts stay in the cache folder.
const keptLogs = 20

// keptLines is how many lines of a log an error repeats.
const keptLines = 15

// keepLog keeps the log of a failed start, and adds its path and last lines to the error.
func keepLog(cause error, log string) error {
	kept, err := KeepLog(log)
	if err != nil {
		return errors.Join(cause, err)
	}
	return fmt.Errorf("%w\nits log is in %s and ends with\n%s", cause, kept, LogTail(kept, keptLines))
}

// KeepLog copies a log into the user's cache folder, before its own folder is removed, and returns
// its new path. Only the last few logs are kept.
func KeepLog(log string) (kept string, err error) {
	text, err := os.ReadFile(log)
	if err != nil {
		return "", err
	}
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "logs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	name := fmt.Sprintf("%s-%d-%s", time.Now().UTC().Format("20060102T150405.000"), os.Getpid(), filepath.Base(log))
	kept = filepath.Join(dir, name)
	if err := os.WriteFile(kept, text, 0o600); err != nil {
		return "", err
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		return "", err
	}
	slices.Sort(old) // their names begin with the time
	for _, path := range old[:max(0, len(old)-keptLogs)] {
		os.Remove(path)
	}
	return kept, nil
}

// LogTail returns the last lines of a log file; empty if there is none.
func LogTail(path string, lines int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(lastLines(text, lines))
}

func lastLines(text []byte, n int) []byte {
	all := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return bytes.Join(all[max(0, len(all)-n):], []byte("\n"))
}

func logSays(path, what string) bool {
	text, err := os.ReadFile(path)
	return err == nil && bytes.Contains(text, []byte(what))
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// orEnded returns the error of a process that ended early, even with exit code 0.
func orEnded(err error) error {
	if err == nil {
		return errors.New("exit code 0")
	}
	return err
}
