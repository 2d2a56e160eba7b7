//go:build unix

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A disk that is gone lets whoever reads a file wait for ever, as a pipe does that nobody writes
// into. Legate ends in time even so, and says so.
func TestAFileThatHangsDoesNotHoldUpTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "legate.yaml")
	write(t, path, "log: {format: json}\n")
	r := serve(t, "--consul-addr", closedPort(t), "--config", path)
	pipe := path + ".pipe"
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(pipe, path); err != nil {
		t.Fatal(err)
	}
	time.Sleep(lookEvery + time.Second) // it is looked at, and that does not end
	r.stop()
	select {
	case code := <-r.code:
		if code != exitFailed || !strings.Contains(r.log.String(), "does a disk hang?") {
			t.Errorf("exit code %d: %s", code, r.log)
		}
	case <-time.After(4 * lastMoments):
		t.Error("it does not end")
	}
	writer, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0) // lets go who waits
	if err != nil {
		t.Fatal(err)
	}
	_ = writer.Close()
}
